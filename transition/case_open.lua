-- case_open: keeps, once, what a person must decide, and books money that is
-- paid but belongs to nobody yet as suspense.
-- KEYS 1 case  2 tot  3 house account  4 house entries
--      5 the order that the payment names (1 if it names none)
-- ARGV 1 id  2 kind  3 fen to suspend  4 evidence (JSON)  5 now  6 transaction
--      7 fen that the channel says were refunded of it, all told
-- Replies: docs/keys.md.
-- Invariant: paid and suspense grow once a case id, and not at all for a
-- transaction that was credited: its money is in the books already.
local times = redis.call('HGET', KEYS[1], 'n:' .. ARGV[1])
local house, amount = account(KEYS[3]), tonumber(ARGV[3])
if KEYS[5] ~= KEYS[1] then
  local order = redis.call('HMGET', KEYS[5], 'state', 'txn')
  if order[1] == 'credited' and order[2] == ARGV[6] then amount = 0 end
end
-- The largest sum that was ever told stands against a credit.
local told = math.max(tonumber(ARGV[7]), tonumber(redis.call('HGET', KEYS[1], 'r:' .. ARGV[1]) or '0'))
if told > 0 then redis.call('HSET', KEYS[1], 'r:' .. ARGV[1], text(told)) end
-- What people decided stands; that it is told again is counted.
local decision = redis.call('HGET', KEYS[1], 'd:' .. ARGV[1])
if decision == 'refunded' or decision == 'disowned' then
  redis.call('HINCRBY', KEYS[1], 'n:' .. ARGV[1], '1')
  return { 'DUP', times }
end
if times then
  local case = redis.call('HMGET', KEYS[1], 's:' .. ARGV[1], 'f:' .. ARGV[1])
  -- People closed it when it held nothing; the money that is told now waits for them.
  if decision == 'closed' and amount > 0 then
    redis.call('HSET', KEYS[1], 's:' .. ARGV[1], 'open', 'd:' .. ARGV[1], '')
    case[1] = 'open'
  end
  redis.call('HINCRBY', KEYS[1], 'n:' .. ARGV[1], '1')
  -- The first word on a transaction may have said less than this one.
  -- That refunds are not known stands against a credit, whatever came first.
  -- And what a credit has closed opens again for what is told after it.
  if ARGV[2] == 'refunds_unknown' then
    redis.call('HSET', KEYS[1], 's:' .. ARGV[1], 'open', 'k:' .. ARGV[1], ARGV[2], ARGV[1], ARGV[4])
  end
  if amount <= 0 or case[1] ~= 'open' or case[2] ~= '0' then return { 'DUP', times } end
else
  redis.call('HSET', KEYS[1], 's:' .. ARGV[1], 'open', 'n:' .. ARGV[1], '1', 't:' .. ARGV[1], ARGV[5])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4], 'k:' .. ARGV[1], ARGV[2], 'f:' .. ARGV[1], text(math.max(0, amount)))
if amount > 0 then
  enter(house, KEYS[4], 'suspend', ARGV[1], amount, ARGV[5])
  save(house)
  post(KEYS[2], { paid = amount, suspense = -amount })
end
return { times and 'DUP' or 'OPENED', times or '0' }
