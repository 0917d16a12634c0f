-- due_claim: gives the caller orders to ask the channel about, and moves them
-- out of the others' sight until the lease ends.
-- KEYS 1 due
-- ARGV 1 now  2 end of the lease  3 how many at most
-- Replies: the orders.
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', '0', ARGV[3])
for _, order in ipairs(due) do
  redis.call('ZADD', KEYS[1], ARGV[2], order)
end
return due
