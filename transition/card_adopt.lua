-- card_adopt: two people end what stands against a card and no load carries (load
-- protocol, rules 9 and 10): a counter ahead of the ledger, or a step at which a load
-- may have been written that the hub had lost, is adopted with what the card got by it.
-- The newest adoption can be taken back; an amount can be put right.
-- KEYS 1 account  2 entries  3 tot  4 card  5 the load to book  6 claim of the step
--      before the counter  7 core's reports  8 the load that was adopted (5 if none)
-- ARGV 1 card uid  2 verdict: adopt or undo  3 who  4 and who else  5 why  6 now
--      7 counter  8 fen that the card got  9 the load to book  10 account
--      11 the load that was adopted, or ''  12 version of the card  13 '1': the claim's
--      load was adopted, and its amount is to be put right
-- Replies: docs/keys.md.
local card, now, uid, version = hash(KEYS[4]), ARGV[6], ARGV[1], ARGV[1] .. ':' .. ARGV[12]
if card.account ~= ARGV[10] then return { 'NO_CARD' } end
local a, amount, L = account(KEYS[1]), tonumber(ARGV[8]), tonumber(ARGV[7])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], core = KEYS[7] }
local said = table.concat({ ARGV[2], ARGV[3], ARGV[4], ARGV[7], ARGV[8], now, ARGV[5] }, ' ')
local evidence = table.concat({ ARGV[2] == 'undo' and 'undone' or 'decided', ARGV[3], ARGV[4], '-', '-', '-', now }, ' ')
local claim = redis.call('GET', KEYS[6])
local here = ARGV[12] == card.version
local mark = here and card.mark or ''

-- unforce gives back what an adopted load took.
local function unforce()
  local load = hash(KEYS[8])
  local was = tonumber(load.amount)
  local claw, owed, rest = receive(a, was)
  enter(a, KEYS[2], 'unforced', ARGV[11], was, now)
  save(a)
  post(KEYS[3], { loaded = was, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('HINCRBY', KEYS[4], 'loads', '-1')
  redis.call('HSET', KEYS[8], 'state', 'CANCELLED', 'undone', 'adopt', 'confirmed', now, 'by', ARGV[3], 'second', ARGV[4],
    'why', ARGV[5], 'evidence', evidence)
  redis.call('HDEL', KEYS[8], 'decided')
end
local function book()
  force(a, k, ARGV[9], { account = ARGV[10], card_uid = uid, card_no = card.card_no, version = ARGV[12],
    profile = card.profile, amount = ARGV[8], L0 = text(L - 1), B0 = '0', P0 = '', n = '0' }, evidence, now)
  redis.call('HSET', KEYS[5], 'decided', 'adopt', 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
end
-- newest keeps what is needed to take this adoption back.
local function newest(load, before)
  redis.call('HSET', KEYS[4], 'adopt', table.concat({ ARGV[7], ARGV[12], load }, ' '), 'before', before,
    'after', stands(a, KEYS[4], uid, KEYS[6]))
end

if (card.open or '') ~= '' then return { 'BUSY', card.open } end
local last = table.concat({ ARGV[7], ARGV[12], ARGV[11] == '' and '-' or ARGV[11] }, ' ')
local standing = stands(a, KEYS[4], uid, KEYS[6])
if ARGV[2] == 'undo' then
  if not card.adopt then return { 'NOTHING', card.mark or '' } end
  if card.adopt ~= last or not untouched(standing, card.after) then return { 'MOVED', card.L or '' } end
  if ARGV[11] ~= '' then unforce() end
  restore(a, k, uid, card.before, now)
  local ledger = 'L:' .. ARGV[12]
  if card.before_L == '-' then redis.call('HDEL', KEYS[4], ledger) end
  if card.before_L and card.before_L ~= '-' then redis.call('HSET', KEYS[4], ledger, card.before_L) end
  card = hash(KEYS[4])
  contested(a, k, card, uid, ARGV[12], 0, L - 1)
  -- What the core told of meanwhile is followed.
  if here and card.L then step(k, card, tonumber(card.L) - 1) end
  redis.call('HSET', KEYS[4], 'said', said)
  redis.call('HDEL', KEYS[4], 'adopt', 'before', 'before_L', 'after')
  return { 'DECIDED' }
end

if ARGV[13] == '1' then
  local load = hash(KEYS[8])
  if load.state ~= 'FORCED' or load.decided ~= 'adopt' or claim ~= ARGV[11] then return { 'RETRY' } end
  if load.amount == ARGV[8] then return { 'NOTHING', mark } end
  unforce()
  redis.call('HSET', KEYS[4], 'said', said)
  if amount > 0 then
    book()
  else
    -- What a terminal says of it counts again.
    redis.call('DEL', KEYS[6])
    local left = {}
    for one in string.gmatch(card.adopted or '', '%S+') do
      if not covered({ adopted = one }, ARGV[12], L - 1) then left[#left + 1] = one end
    end
    card.adopted = table.concat(left, ' ')
    redis.call('HSET', KEYS[4], 'adopted', card.adopted)
    contested(a, k, card, uid, ARGV[12], 0, L - 1)
  end
  if card.adopt == last and untouched(standing, card.after) then newest(amount > 0 and ARGV[9] or '-', card.before) end
  return { 'DECIDED' }
end

local why = doubted(a, version)
-- A step that is used up and that nothing was booked for may turn out to be the hub's.
local ledger = tonumber(here and card.L or card['L:' .. ARGV[12]] or '0')
local later = why == '' and amount > 0 and L <= ledger and not covered(card, ARGV[12], L - 1)
if mark == 'CONFLICT' or why == '' and not later then return { 'NOTHING', mark } end
if mark == 'UNKNOWN_LOAD' and ARGV[7] ~= card.seen then return { 'MOVED', card.seen or '' } end
if why == 'LOST_LOAD' and not listed(card.lost, ARGV[12] .. ':' .. text(L - 1)) then return { 'MOVED', card.lost or '' } end
if amount > 0 and claim and claim ~= 'outside' then return { 'CLAIMED', claim } end

redis.call('HSET', KEYS[4], 'said', said)
redis.call('HDEL', KEYS[4], 'before_L')
local from = L - 1
if mark == 'UNKNOWN_LOAD' then from = math.min(from, tonumber(card.L)) end
-- Of an earlier version nobody can read how far it went: its doubt ends as a whole.
local whole = mark == '' and why ~= 'LOST_LOAD' and not later
settled(a, k, card, uid, ARGV[12], whole and 0 or from, whole and 1e15 or L - 1)
if amount > 0 then
  redis.call('HSET', KEYS[4], 'adopted', (card.adopted and card.adopted .. ' ' or '') .. ARGV[12] .. ':' .. text(from) .. '-' .. text(L - 1))
  book()
end
if here and (amount > 0 or mark == 'UNKNOWN_LOAD') then
  calm(k, card)
  step(k, card, L - 1)
  caughtup(a, k, card, uid)
elseif amount > 0 then
  local was = card['L:' .. ARGV[12]]
  redis.call('HSET', KEYS[4], 'L:' .. ARGV[12], text(math.max(L, tonumber(was or '0'))), 'before_L', was or '-')
end
if whole then
  relieved(a, card, uid, ARGV[12])
  thaw(a, k, now)
end
newest(amount > 0 and ARGV[9] or '-', standing)
return { 'DECIDED' }
