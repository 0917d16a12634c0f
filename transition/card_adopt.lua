-- card_adopt: two people end what stands against a card and no load carries (load
-- protocol, rules 9 and 10): a counter ahead of the ledger, or a step at which a load
-- may have been written that the hub had lost, is adopted with what the card got by it.
-- The newest adoption can be taken back; an amount can be put right.
-- include conflicts ledger loads marks stand
-- KEYS account entries tot card load claim core adopted count
-- ARGV uid verdict by second why now counter fen load_no account_no adopted_no version correct
-- REPLY DECIDED | NOTHING mark | NO_CARD | BUSY load | MOVED seen | CLAIMED load | RETRY
--   load: the load to book
--   claim: claim of the step before the counter
--   core: core's reports
--   adopted: the load that was adopted (load if none)
--   uid: card uid
--   verdict: verdict: adopt or undo
--   second: and who else
--   fen: fen that the card got
--   load_no: the load to book
--   adopted_no: the load that was adopted, or ''
--   version: version of the card
--   correct: '1': the claim's load was adopted, and its amount is to be put right
local card, now, uid, version = ledger.hash(KEYS.card), ARGV.now, ARGV.uid, ARGV.uid .. ':' .. ARGV.version
if card.account ~= ARGV.account_no then return { 'NO_CARD' } end
local a, amount, L = ledger.account(KEYS.account), tonumber(ARGV.fen), tonumber(ARGV.counter)
local k = { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.load, claim = KEYS.claim, core = KEYS.core }
local said = table.concat({ ARGV.verdict, ARGV.by, ARGV.second, ARGV.counter, ARGV.fen, now, ARGV.why }, ' ')
local evidence = table.concat({ ARGV.verdict == 'undo' and 'undone' or 'decided', ARGV.by, ARGV.second, '-', '-', '-', now }, ' ')
local claim = redis.call('GET', KEYS.claim)
local here = ARGV.version == card.version
local mark = here and card.mark or ''

-- unforce gives back what an adopted load took.
local function unforce()
  local load = ledger.hash(KEYS.adopted)
  local was = tonumber(load.amount)
  local claw, owed, rest = ledger.receive(a, was)
  ledger.enter(a, KEYS.entries, 'unforced', ARGV.adopted_no, was, now)
  ledger.save(a)
  ledger.post(KEYS.tot, { loaded = was, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('HINCRBY', KEYS.card, 'loads', '-1')
  redis.call('HSET', KEYS.adopted, 'state', 'CANCELLED', 'undone', 'adopt', 'confirmed', now, 'by', ARGV.by, 'second', ARGV.second,
    'why', ARGV.why, 'evidence', evidence)
  redis.call('HDEL', KEYS.adopted, 'decided')
end
local function book()
  loads.force(a, k, ARGV.load_no, { account = ARGV.account_no, card_uid = uid, card_no = card.card_no, version = ARGV.version,
    profile = card.profile, amount = ARGV.fen, L0 = ledger.text(L - 1), B0 = '0', P0 = '', n = '0' }, evidence, now)
  redis.call('HSET', KEYS.load, 'decided', 'adopt', 'by', ARGV.by, 'second', ARGV.second, 'why', ARGV.why)
end
-- newest keeps what is needed to take this adoption back.
local function newest(load, before)
  redis.call('HSET', KEYS.card, 'adopt', table.concat({ ARGV.counter, ARGV.version, load }, ' '), 'before', before,
    'after', stand.stands(a, KEYS.card, uid, KEYS.claim))
end

if (card.open or '') ~= '' then return { 'BUSY', card.open } end
local last = table.concat({ ARGV.counter, ARGV.version, ARGV.adopted_no == '' and '-' or ARGV.adopted_no }, ' ')
local standing = stand.stands(a, KEYS.card, uid, KEYS.claim)
if ARGV.verdict == 'undo' then
  if not card.adopt then return { 'NOTHING', card.mark or '' } end
  if card.adopt ~= last or not stand.untouched(standing, card.after) then return { 'MOVED', card.L or '' } end
  if ARGV.adopted_no ~= '' then unforce() end
  stand.restore(a, k, uid, card.before, now)
  local counter = 'L:' .. ARGV.version
  if card.before_L == '-' then redis.call('HDEL', KEYS.card, counter) end
  if card.before_L and card.before_L ~= '-' then redis.call('HSET', KEYS.card, counter, card.before_L) end
  card = ledger.hash(KEYS.card)
  marks.contested(a, k, card, uid, ARGV.version, 0, L - 1)
  -- What the core told of meanwhile is followed.
  if here and card.L then loads.step(k, card, tonumber(card.L) - 1) end
  redis.call('HSET', KEYS.card, 'said', said)
  redis.call('HDEL', KEYS.card, 'adopt', 'before', 'before_L', 'after')
  return { 'DECIDED' }
end

if ARGV.correct == '1' then
  local load = ledger.hash(KEYS.adopted)
  if load.state ~= 'FORCED' or load.decided ~= 'adopt' or claim ~= ARGV.adopted_no then return { 'RETRY' } end
  if load.amount == ARGV.fen then return { 'NOTHING', mark } end
  unforce()
  redis.call('HSET', KEYS.card, 'said', said)
  if amount > 0 then
    book()
  else
    -- What a terminal says of it counts again.
    redis.call('DEL', KEYS.claim)
    local left = {}
    for one in string.gmatch(card.adopted or '', '%S+') do
      if not marks.covered({ adopted = one }, ARGV.version, L - 1) then left[#left + 1] = one end
    end
    card.adopted = table.concat(left, ' ')
    redis.call('HSET', KEYS.card, 'adopted', card.adopted)
    marks.contested(a, k, card, uid, ARGV.version, 0, L - 1)
  end
  if card.adopt == last and stand.untouched(standing, card.after) then newest(amount > 0 and ARGV.load_no or '-', card.before) end
  return { 'DECIDED' }
end

local why = marks.doubted(a, version)
-- A step that is used up and that nothing was booked for may turn out to be the hub's.
local reached = tonumber(here and card.L or card['L:' .. ARGV.version] or '0')
local later = why == '' and amount > 0 and L <= reached and not marks.covered(card, ARGV.version, L - 1)
if mark == 'CONFLICT' or why == '' and not later then return { 'NOTHING', mark } end
if mark == 'UNKNOWN_LOAD' and ARGV.counter ~= card.seen then return { 'MOVED', card.seen or '' } end
if why == 'LOST_LOAD' and not marks.listed(card.lost, ARGV.version .. ':' .. ledger.text(L - 1)) then return { 'MOVED', card.lost or '' } end
if amount > 0 and claim and claim ~= 'outside' then return { 'CLAIMED', claim } end

redis.call('HSET', KEYS.card, 'said', said)
redis.call('HDEL', KEYS.card, 'before_L')
local from = L - 1
if mark == 'UNKNOWN_LOAD' then from = math.min(from, tonumber(card.L)) end
-- Of an earlier version nobody can read how far it went: its doubt ends as a whole.
local whole = mark == '' and why ~= 'LOST_LOAD' and not later
marks.settled(a, k, card, uid, ARGV.version, whole and 0 or from, whole and 1e15 or L - 1)
if amount > 0 then
  redis.call('HSET', KEYS.card, 'adopted', (card.adopted and card.adopted .. ' ' or '') .. ARGV.version .. ':' .. ledger.text(from) .. '-' .. ledger.text(L - 1))
  book()
end
if here and (amount > 0 or mark == 'UNKNOWN_LOAD') then
  marks.drop_challenge(k, card)
  loads.step(k, card, L - 1)
  marks.counter_caught_up(a, k, card, uid)
elseif amount > 0 then
  local was = card['L:' .. ARGV.version]
  redis.call('HSET', KEYS.card, 'L:' .. ARGV.version, ledger.text(math.max(L, tonumber(was or '0'))), 'before_L', was or '-')
end
if whole then
  marks.clear_mark(a, card, uid, ARGV.version)
  conflicts.thaw(a, k, now)
end
newest(amount > 0 and ARGV.load_no or '-', standing)
return { 'DECIDED' }
