-- note: adds to each count without asking; of more than most the oldest go. An id that
-- is there counts from now on.
-- include count
-- KEYS counts...
-- ARGV now id {most per run part delay}...
-- REPLY before...
--   per, delay: in ms; run: '1' for a run; part: most of the part, '0' without one
--   before: how many there were of each
local before, now = {}, count.now()
for i = 1, #KEYS.counts do
  local r = count.rule(i)
  count.forget(r, now)
  before[i] = tostring(redis.call('ZCARD', r.key))
  count.add(r, now)
  redis.call('ZREMRANGEBYRANK', r.key, 0, -r.most - 1)
end
return before
