-- card_report: the card core tells what else moved a card: a purchase, a load by
-- another machine, cash (load protocol, rules 3, 4 and 17).
-- KEYS 1 account  2 entries  3 tot  4 card  5 the open load (4 if none)  6 doubt
--      7 core's reports  8 claim of the counter step  9 case
-- ARGV 1 kind: spend, outside or topup  2 purchase number, load counter before, or
--      id  3 amount  4 when, by the core's clock  5 version  6 open load or ''
--      7 account  8 now  9 card uid
-- Replies: docs/keys.md.
-- Invariants: a report counts once; a purchase and cash move no money of the hub's;
-- a load by another machine at the open load's own step proves that load unwritten;
-- a conflict that a report explains, and about which nobody has decided, is over.
local card, now = hash(KEYS[4]), ARGV[8]
if card.account ~= ARGV[7] then return { 'NO_CARD' } end
if (card.open or '') ~= ARGV[6] then return { 'RETRY' } end
local field = ({ spend = 'p:', outside = 'l:', topup = 't:' })[ARGV[1]] .. ARGV[2]
local known = redis.call('HGET', KEYS[7], field)
if known and known ~= ARGV[3] then return { 'MISMATCH', known } end
if known then
  redis.call('HINCRBY', KEYS[7], 'dup', '1')
  return { 'DUP' }
end
if ARGV[1] == 'outside' and card.profile ~= 'shared' then return { 'PROFILE', card.profile } end
local load, same = {}, card.version == ARGV[5]
if ARGV[6] ~= '' then load = hash(KEYS[5]) end
local evidence = table.concat({ ARGV[1], 'core', ARGV[2], '-', '-', '-', now }, ' ')
local a = account(KEYS[1])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], doubt = KEYS[6], case = KEYS[9], core = KEYS[7] }
redis.call('HSET', KEYS[7], field, ARGV[3])
if ARGV[1] == 'topup' and same then
  -- A load that is made, or that the hub learns of again, has to know what came before.
  local cash = { ARGV[4] .. ':' .. ARGV[3] }
  for one in string.gmatch(card.cash or '', '%S+') do
    if #cash < 20 then cash[#cash + 1] = one end
  end
  redis.call('HSET', KEYS[4], 'cash', table.concat(cash, ' '))
end
if ARGV[1] == 'topup' and same and open(load) then
  topped(KEYS[5], load, tonumber(ARGV[4]), ARGV[3])
  -- A balance that cash explains is judged anew.
  local shall = tonumber(load.B0) + tonumber(load.topped or '0') + tonumber(load.amount)
  if load.short and reached(load, tonumber(load.short), shall) then redis.call('HDEL', KEYS[5], 'short') end
end
calm(k, card)
if ARGV[1] ~= 'outside' then
  if load.state ~= 'CONFLICT' or not load.clash or card.repair or not same then return { 'TAKEN' } end
  local seen, B, P = string.match(card.desk or load.clash, '^%S+ %S+ %S+ (%d+) (%d+) (%S+)')
  if seen ~= load.L0 or shows(load, KEYS[7], tonumber(B), P == '-' and '' or P) ~= 'same' then return { 'TAKEN' } end
  redis.call('HSET', KEYS[5], 'state', 'IN_DOUBT', 'evidence', evidence)
  mended(a, k, card, ARGV[9], now)
  redis.call('HSET', KEYS[9], 's:load:' .. ARGV[6], 'closed', 'd:load:' .. ARGV[6], 'closed')
  return { 'EXPLAINED' }
end
local claim = redis.call('GET', KEYS[8])
local mine = same and open(load) and load.L0 == ARGV[2]
if claim or mine and (load.state == 'WRITTEN' or load.state == 'CONFLICT') then
  -- Somebody says that the hub's own load is on the card at this very step.
  file(KEYS[9], 'card:' .. ARGV[9], 'outside', evidence, now)
  return { 'CONTRADICTS' }
end
redis.call('SET', KEYS[8], 'outside')
evident(k)
settled(a, k, card, ARGV[9], ARGV[5], ARGV[2], ARGV[2])
if mine then cancel(a, k, ARGV[6], load, evidence, now) end
-- Reports may come in any order, and the ledger's counter follows them without a gap.
if same and card.L == ARGV[2] then step(k, card, tonumber(ARGV[2])) end
local version = 'L:' .. ARGV[5]
if not same and card[version] == ARGV[2] then
  redis.call('HSET', KEYS[4], version, text(follow(KEYS[7], tonumber(ARGV[2]) + 1)))
end
if same and card.L then caughtup(a, k, card, ARGV[9]) end
return { 'TAKEN' }
