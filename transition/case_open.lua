-- case_open: keeps, once, what a person must decide, and books money that is
-- paid but belongs to nobody yet as suspense.
-- KEYS 1 case  2 tot  3 house account  4 house entries
-- ARGV 1 id  2 kind  3 fen to suspend  4 evidence (JSON)  5 now
-- Replies: docs/keys.md.
-- Invariant: paid and suspense grow once a case id.
local times = redis.call('HGET', KEYS[1], 'n:' .. ARGV[1])
if times then
  redis.call('HINCRBY', KEYS[1], 'n:' .. ARGV[1], '1')
  return { 'DUP', times }
end
local house, amount = account(KEYS[3]), tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4], 's:' .. ARGV[1], 'open', 'k:' .. ARGV[1], ARGV[2],
  'f:' .. ARGV[1], ARGV[3], 'n:' .. ARGV[1], '1', 't:' .. ARGV[1], ARGV[5])
if amount > 0 then
  enter(house, KEYS[4], 'suspend', ARGV[1], amount, ARGV[5])
  save(house)
  post(KEYS[2], { paid = amount, suspense = -amount })
end
return { 'OPENED' }
