-- card_decide: two people end what stands against a card and no load carries (load
-- protocol, rules 9 and 10): a counter ahead of the ledger is adopted, with what the
-- card got by it; of a card in conflict they say what it shall hold. What was adopted
-- can be taken back, or its amount put right.
-- KEYS 1 account  2 entries  3 tot  4 card  5 the load to book  6 claim of the step
--      before the counter  7 doubt  8 case  9 the load that was adopted (5 if none)
-- ARGV 1 card uid  2 verdict: adopt, repair or undo  3 who  4 and who else  5 why
--      6 now  7 counter to adopt  8 fen that the card got, or that it shall hold
--      9 the load to book  10 account  11 the load that was adopted, or ''
-- Replies: docs/keys.md.
local card, now, uid = hash(KEYS[4]), ARGV[6], ARGV[1]
if card.account ~= ARGV[10] then return { 'NO_CARD' } end
local a, amount, L = account(KEYS[1]), tonumber(ARGV[8]), tonumber(ARGV[7])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7] }
local said = table.concat({ ARGV[2], ARGV[3], ARGV[4], ARGV[7], ARGV[8], now, ARGV[5] }, ' ')
local evidence = table.concat({ ARGV[2] == 'undo' and 'undone' or 'decided', ARGV[3], ARGV[4], '-', '-', '-', now }, ' ')
local claim = redis.call('GET', KEYS[6])
local adopted = ARGV[11] ~= '' and hash(KEYS[9]) or {}

-- unforce gives back what an adopted load took.
local function unforce()
  local was = tonumber(adopted.amount)
  local claw, owed, rest = receive(a, was)
  enter(a, KEYS[2], 'unforced', ARGV[11], was, now)
  save(a)
  post(KEYS[3], { loaded = was, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('DEL', KEYS[6])
  redis.call('HINCRBY', KEYS[4], 'loads', '-1')
  redis.call('HSET', KEYS[9], 'state', 'CANCELLED', 'undone', 'adopt', 'confirmed', now, 'by', ARGV[3], 'second', ARGV[4],
    'why', ARGV[5], 'evidence', evidence)
  redis.call('HDEL', KEYS[9], 'decided')
end
local function book()
  force(a, k, ARGV[9], { account = ARGV[10], card_uid = uid, card_no = card.card_no, version = card.version,
    profile = card.profile, amount = ARGV[8], L0 = text(L - 1), B0 = '0', P0 = '', n = '0' }, evidence, now)
  redis.call('HSET', KEYS[5], 'decided', 'adopt', 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
end
-- doubts lists what stands against the card, in each of its versions.
local function doubts()
  local all = {}
  for one in string.gmatch(a.doubt, '[^,]+') do
    if string.sub(one, 1, #uid + 1) == uid .. ':' then all[#all + 1] = one end
  end
  return all
end

-- remember keeps what adopting changed, so that it can be taken back.
local function remember(before)
  redis.call('HSET', KEYS[4], 'before', table.concat({ before.mark, before.L, before.seen, before.lost, before.doubt, before.load,
    before.to }, '|'))
end
local function remembered()
  local mark, was, seen, missing, why, load, to = string.match(card.before or '',
    '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)$')
  return mark and { mark = mark, L = was, seen = seen, lost = missing, doubt = why, load = load, to = to }
end

if ARGV[11] ~= '' and (adopted.state ~= 'FORCED' or adopted.decided ~= 'adopt' or claim ~= ARGV[11]) then return { 'RETRY' } end

if ARGV[2] == 'undo' then
  local before = remembered()
  if not before then return { 'NOTHING', card.mark or '' } end
  if (card.open or '') ~= '' then return { 'BUSY', card.open } end
  if (card.L or '') ~= before.to or (card.mark or '') ~= '' or before.load ~= ARGV[11] then return { 'MOVED', card.L or '' } end
  if ARGV[11] ~= '' then unforce() end
  redis.call('HDEL', KEYS[4], 'before', 'adopted', 'dismissed')
  redis.call('HSET', KEYS[4], 'said', said, 'lost', before.lost, 'mark', before.mark)
  if before.seen ~= '' then redis.call('HSET', KEYS[4], 'seen', before.seen) end
  if before.L ~= '' then redis.call('HSET', KEYS[4], 'L', before.L) end
  for one in string.gmatch(before.doubt, '[^,]+') do
    local who, why = string.match(one, '^([^=]+)=(.+)$')
    doubt(a, who, why)
  end
  return { 'DECIDED' }
end

if (card.open or '') ~= '' then return { 'BUSY', card.open } end
if ARGV[2] == 'repair' then
  if card.mark ~= 'CONFLICT' then return { 'NOTHING', card.mark or '' } end
  if not card.desk and card.status == 'in_force' then return { 'NO_READING' } end
  redis.call('HSET', KEYS[4], 'said', said)
  local _, _, _, was, balance, bought = string.match(card.desk or '', '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  local shall = card.L or was
  if not was or was == shall and balance == ARGV[8] then
    mended(a, k, card, uid, now) -- as it is; or nobody will read it any more
  else
    redis.call('HSET', KEYS[4], 'repair', table.concat({ shall, ARGV[8], balance, bought, card.of or '-' }, ' '))
  end
  redis.call('HSET', KEYS[8], 's:card:' .. uid, 'closed', 'd:card:' .. uid, 'closed')
  return { 'DECIDED' }
end

-- The same counter again, with another amount: the first one was wrong.
if ARGV[11] ~= '' then
  if adopted.version ~= card.version then return { 'MOVED', card.L or '' } end
  if adopted.amount == ARGV[8] then return { 'NOTHING', card.mark or '' } end
  unforce()
  redis.call('HSET', KEYS[4], 'said', said)
  local before = remembered()
  if amount > 0 then
    book()
  elseif card.adopted == ARGV[7] then
    redis.call('HDEL', KEYS[4], 'adopted')
  end
  if before and before.load == ARGV[11] then
    before.load = amount > 0 and ARGV[9] or ''
    remember(before)
  end
  return { 'DECIDED' }
end

if (card.mark or '') ~= 'UNKNOWN_LOAD' then
  -- An earlier version of the card left it, or a load that was lost: no reading tells.
  if card.mark == 'CONFLICT' or #doubts() == 0 then return { 'NOTHING', card.mark or '' } end
  local here = string.find(' ' .. (card.lost or '') .. ' ', ' ' .. card.version .. ':' .. text(L - 1) .. ' ', 1, true)
  if amount > 0 and not here then return { 'MOVED', card.lost or '' } end
elseif ARGV[7] ~= card.seen then
  return { 'MOVED', card.seen or '' }
end
if amount > 0 and claim then return { 'CLAIMED', claim } end
local before = { mark = card.mark or '', L = card.L or '', seen = card.seen or '', lost = card.lost or '',
  doubt = table.concat(doubts(), ','), load = amount > 0 and ARGV[9] or '' }
-- What was known of loads that were lost is decided with it: the same word again is no news.
redis.call('HSET', KEYS[4], 'said', said, 'lost', '', 'dismissed', (card.dismissed or '') .. ' ' .. before.lost)
card.lost = ''
if before.mark == '' then
  for one in string.gmatch(before.doubt, '([^=,]+)=') do doubt(a, one, '') end
  if not string.find(a.doubt, '=CONFLICT', 1, true) and string.find(',' .. a.freeze, ',mismatch=', 1, true) then
    mended(a, k, card, uid, now)
  end
elseif amount > 0 then
  redis.call('HSET', KEYS[4], 'adopted', card.seen)
end
calm(k, card)
if amount > 0 then book() end
if amount > 0 or before.mark ~= '' then
  step(k, card, L - 1)
  caughtup(a, k, card, uid)
end
before.to = card.L or ''
remember(before)
return { 'DECIDED' }
