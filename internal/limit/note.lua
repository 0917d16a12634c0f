-- note: adds to each count without asking; of more than most the oldest go. See
-- count.lua for KEYS and ARGV. An id that is there counts from now on.
-- Reply: how many there were of each before.
local before = {}
for i = 1, #KEYS do
  local r = rule(i)
  forget(r)
  before[i] = tostring(redis.call('ZCARD', r.key))
  add(r)
  redis.call('ZREMRANGEBYRANK', r.key, 0, -r.most - 1)
end
return before
