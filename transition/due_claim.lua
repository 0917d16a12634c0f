-- due_claim: gives the caller orders to ask the channel about, and moves them
-- out of the others' sight until the lease ends.
-- KEYS 1 due
-- ARGV 1 now  2 end of the lease  3 how many at most
-- Replies: the orders.
-- Half are the newest, whose payers wait, and half the oldest, so that none waits
-- for ever when there are more than anybody can ask about.
local most = tonumber(ARGV[3])
local due = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'LIMIT', '0', string.format('%.0f', math.ceil(most / 2)))
local taken = {}
for _, order in ipairs(due) do
  taken[order] = true
end
for _, order in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', '0', ARGV[3])) do
  if #due < most and not taken[order] then
    due[#due + 1] = order
  end
end
-- Nobody asks more than half an hour ahead: a later time is that of a clock that
-- was wrong, and the order would wait for it.
local far = tonumber(ARGV[1]) + 3600000
for _, order in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', far), '+inf', 'LIMIT', '0', ARGV[3])) do
  due[#due + 1] = order
end
for _, order in ipairs(due) do
  redis.call('ZADD', KEYS[1], ARGV[2], order)
end
return due
