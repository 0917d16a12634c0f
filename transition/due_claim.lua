-- due_claim: gives the caller orders to ask the channel about, and moves them
-- out of the others' sight until the lease ends.
-- KEYS due
-- ARGV now until most
-- REPLY orders...
--   until: end of the lease
--   most: how many at most
-- Half are the newest, whose payers wait, and half the oldest, so that none waits
-- for ever when there are more than anybody can ask about.
local most = tonumber(ARGV.most)
local due = redis.call('ZREVRANGEBYSCORE', KEYS.due, ARGV.now, '-inf', 'LIMIT', '0', string.format('%.0f', math.ceil(most / 2)))
local taken = {}
for _, order in ipairs(due) do
  taken[order] = true
end
for _, order in ipairs(redis.call('ZRANGEBYSCORE', KEYS.due, '-inf', ARGV.now, 'LIMIT', '0', ARGV.most)) do
  if #due < most and not taken[order] then
    due[#due + 1] = order
  end
end
-- Nobody asks more than half an hour ahead: a later time is that of a clock that
-- was wrong, and the order would wait for it.
local far = tonumber(ARGV.now) + 3600000
for _, order in ipairs(redis.call('ZRANGEBYSCORE', KEYS.due, string.format('(%.0f', far), '+inf', 'LIMIT', '0', ARGV.most)) do
  due[#due + 1] = order
end
for _, order in ipairs(due) do
  redis.call('ZADD', KEYS.due, ARGV.until, order)
end
return due
