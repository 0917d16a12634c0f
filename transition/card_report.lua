-- card_report: the card core tells what else moved a card: a purchase, a load by
-- another machine, cash (load protocol, rules 3, 4 and 17).
-- include cash conflicts ledger loads marks
-- KEYS account entries tot card open doubt core claim case count
-- ARGV kind id amount at version open_no account_no now uid
-- REPLY TAKEN | EXPLAINED | DUP | MISMATCH field | PROFILE profile | CONTRADICTS | NO_CARD | RETRY
--   open: the open load (card if none)
--   core: core's reports
--   claim: claim of the counter step
--   kind: kind: spend, outside or topup
--   id: purchase number, load counter before, or id
--   at: when, by the core's clock
--   open_no: open load or ''
--   uid: card uid
--   EXPLAINED: and the conflict about it is over
-- Invariants: a report counts once; a purchase and cash move no money of the hub's;
-- a load by another machine at the open load's own step proves that load unwritten;
-- a conflict that a report explains, and about which nobody has decided, is over.
local card, now = ledger.hash(KEYS.card), ARGV.now
if card.account ~= ARGV.account_no then return { 'NO_CARD' } end
if (card.open or '') ~= ARGV.open_no then return { 'RETRY' } end
local field = ({ spend = 'p:', outside = 'l:', topup = 't:' })[ARGV.kind] .. ARGV.id
local known = redis.call('HGET', KEYS.core, field)
if known and known ~= ARGV.amount then return { 'MISMATCH', known } end
if known then
  redis.call('HINCRBY', KEYS.core, 'dup', '1')
  return { 'DUP' }
end
if ARGV.kind == 'outside' and card.profile ~= 'shared' then return { 'PROFILE', card.profile } end
local load, same = {}, card.version == ARGV.version
if ARGV.open_no ~= '' then load = ledger.hash(KEYS.open) end
local evidence = table.concat({ ARGV.kind, 'core', ARGV.id, '-', '-', '-', now }, ' ')
local a = ledger.account(KEYS.account)
local k = { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.open, doubt = KEYS.doubt, case = KEYS.case, core = KEYS.core }
redis.call('HSET', KEYS.core, field, ARGV.amount)
if ARGV.kind == 'topup' and same then
  -- A load that is made, or that the hub learns of again, has to know what came before.
  local told = { ARGV.at .. ':' .. ARGV.amount }
  for one in string.gmatch(card.cash or '', '%S+') do
    if #told < 20 then told[#told + 1] = one end
  end
  redis.call('HSET', KEYS.card, 'cash', table.concat(told, ' '))
end
if ARGV.kind == 'topup' and same and loads.open(load) then
  cash.topped(KEYS.open, load, tonumber(ARGV.at), ARGV.amount)
  -- A balance that cash explains is judged anew.
  local shall = tonumber(load.B0) + tonumber(load.topped or '0') + tonumber(load.amount)
  if load.short and cash.reached(load, tonumber(load.short), shall) then redis.call('HDEL', KEYS.open, 'short') end
end
marks.drop_challenge(k, card)
if ARGV.kind ~= 'outside' then
  if load.state ~= 'CONFLICT' or not load.clash or card.repair or not same then return { 'TAKEN' } end
  local seen, B, P = string.match(card.desk or load.clash, '^%S+ %S+ %S+ (%d+) (%d+) (%S+)')
  if seen ~= load.L0 or cash.shows(load, KEYS.core, tonumber(B), P == '-' and '' or P) ~= 'same' then return { 'TAKEN' } end
  redis.call('HSET', KEYS.open, 'state', 'IN_DOUBT', 'evidence', evidence)
  conflicts.mended(a, k, card, ARGV.uid, now)
  redis.call('HSET', KEYS.case, 's:load:' .. ARGV.open_no, 'closed', 'd:load:' .. ARGV.open_no, 'closed')
  return { 'EXPLAINED' }
end
local claim = redis.call('GET', KEYS.claim)
local mine = same and loads.open(load) and load.L0 == ARGV.id
if claim or mine and (load.state == 'WRITTEN' or load.state == 'CONFLICT') then
  -- Somebody says that the hub's own load is on the card at this very step.
  loads.file(KEYS.case, 'card:' .. ARGV.uid, 'outside', evidence, now)
  return { 'CONTRADICTS' }
end
redis.call('SET', KEYS.claim, 'outside')
marks.count_evidence(k)
marks.settled(a, k, card, ARGV.uid, ARGV.version, ARGV.id, ARGV.id)
if mine then loads.cancel(a, k, ARGV.open_no, load, evidence, now) end
-- Reports may come in any order, and the ledger's counter follows them without a gap.
if same and card.L == ARGV.id then loads.step(k, card, tonumber(ARGV.id)) end
local version = 'L:' .. ARGV.version
if not same and card[version] == ARGV.id then
  redis.call('HSET', KEYS.card, version, ledger.text(loads.follow(KEYS.core, tonumber(ARGV.id) + 1)))
end
if same and card.L then marks.counter_caught_up(a, k, card, ARGV.uid) end
return { 'TAKEN' }
