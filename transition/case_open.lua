-- case_open: keeps, once, what a person must decide, and books money that is
-- paid but belongs to nobody yet as suspense.
-- KEYS 1 case  2 tot  3 house account  4 house entries
--      5 the order that the payment names (1 if it names none)
-- ARGV 1 id  2 kind  3 fen to suspend  4 evidence (JSON)  5 now  6 transaction
-- Replies: docs/keys.md.
-- Invariant: paid and suspense grow once a case id, and not at all for a
-- transaction that was credited: its money is in the books already.
local times = redis.call('HGET', KEYS[1], 'n:' .. ARGV[1])
if times then
  redis.call('HINCRBY', KEYS[1], 'n:' .. ARGV[1], '1')
  return { 'DUP', times }
end
local house, amount = account(KEYS[3]), tonumber(ARGV[3])
if KEYS[5] ~= KEYS[1] then
  local order = redis.call('HMGET', KEYS[5], 'state', 'txn')
  if order[1] == 'credited' and order[2] == ARGV[6] then amount = 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4], 's:' .. ARGV[1], 'open', 'k:' .. ARGV[1], ARGV[2],
  'f:' .. ARGV[1], text(amount), 'n:' .. ARGV[1], '1', 't:' .. ARGV[1], ARGV[5])
if amount > 0 then
  enter(house, KEYS[4], 'suspend', ARGV[1], amount, ARGV[5])
  save(house)
  post(KEYS[2], { paid = amount, suspense = -amount })
end
return { 'OPENED' }
