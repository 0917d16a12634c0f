-- case_open: keeps, once, what a person must decide, and books money that is
-- paid but belongs to nobody yet as suspense.
-- include ledger
-- KEYS case tot house house_entries order count
-- ARGV id kind suspend evidence now txn refunded
-- REPLY OPENED times | DUP times
--   order: the order that the payment names (case if it names none)
--   suspend: fen to suspend
--   evidence: JSON
--   refunded: fen that the channel says were refunded of it, all told
-- Invariant: paid and suspense grow once a case id, and not at all for a
-- transaction that was credited: its money is in the books already.
local times = redis.call('HGET', KEYS.case, 'n:' .. ARGV.id)
local house, amount = ledger.account(KEYS.house), tonumber(ARGV.suspend)
if KEYS.order ~= KEYS.case then
  local order = redis.call('HMGET', KEYS.order, 'state', 'txn')
  if order[1] == 'credited' and order[2] == ARGV.txn then amount = 0 end
end
-- The largest sum that was ever told stands against a credit.
local told = math.max(tonumber(ARGV.refunded), tonumber(redis.call('HGET', KEYS.case, 'r:' .. ARGV.id) or '0'))
if told > 0 then redis.call('HSET', KEYS.case, 'r:' .. ARGV.id, ledger.text(told)) end
-- What people decided stands; that it is told again is counted.
local decision = redis.call('HGET', KEYS.case, 'd:' .. ARGV.id)
if decision == 'refunded' or decision == 'disowned' then
  redis.call('HINCRBY', KEYS.case, 'n:' .. ARGV.id, '1')
  return { 'DUP', times }
end
if times then
  local case = redis.call('HMGET', KEYS.case, 's:' .. ARGV.id, 'f:' .. ARGV.id)
  -- People closed it when it held nothing; the money that is told now waits for them.
  if decision == 'closed' and amount > 0 then
    redis.call('HSET', KEYS.case, 's:' .. ARGV.id, 'open', 'd:' .. ARGV.id, '')
    case[1] = 'open'
  end
  redis.call('HINCRBY', KEYS.case, 'n:' .. ARGV.id, '1')
  -- The first word on a transaction may have said less than this one.
  -- That refunds are not known stands against a credit, whatever came first.
  -- And what a credit has closed opens again for what is told after it.
  if ARGV.kind == 'refunds_unknown' then
    redis.call('HSET', KEYS.case, 's:' .. ARGV.id, 'open', 'k:' .. ARGV.id, ARGV.kind, ARGV.id, ARGV.evidence)
  end
  if amount <= 0 or case[1] ~= 'open' or case[2] ~= '0' then return { 'DUP', times } end
else
  redis.call('HSET', KEYS.case, 's:' .. ARGV.id, 'open', 'n:' .. ARGV.id, '1', 't:' .. ARGV.id, ARGV.now)
end
redis.call('HSET', KEYS.case, ARGV.id, ARGV.evidence, 'k:' .. ARGV.id, ARGV.kind, 'f:' .. ARGV.id, ledger.text(math.max(0, amount)))
if amount > 0 then
  ledger.enter(house, KEYS.house_entries, 'suspend', ARGV.id, amount, ARGV.now)
  ledger.save(house)
  ledger.post(KEYS.tot, { paid = amount, suspense = -amount })
end
return { times and 'DUP' or 'OPENED', times or '0' }
