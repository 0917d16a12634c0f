-- take: one from each count, or none at all.
-- include count
-- KEYS counts...
-- ARGV now id {most per run part delay}...
-- REPLY TAKEN | REFUSED which wait
--   per, delay: in ms; run: '1' for a run; part: most of the part, '0' without one
--   which: the count with the longest wait, from 1; wait: in ms
local wait, which, now = 0, 0, count.now()
for i = 1, #KEYS.counts do
  local r = count.rule(i)
  count.forget(r, now)
  if not redis.call('ZSCORE', r.key, r.id) then
    local free, has = 0, redis.call('ZCARD', r.key)
    if r.run then
      local full = has >= r.most
      if r.part > 0 and not full then
        local parts = 0
        for _, taken in ipairs(redis.call('ZRANGE', r.key, 0, -1)) do
          if string.sub(taken, 1, 1) == '+' then parts = parts + 1 end
        end
        full = parts >= r.part
      end
      if full then free = count.nth(r.key, -1) + r.per - now end
    elseif has >= r.most then
      free = count.nth(r.key, has - r.most) + r.per - now
    end
    if free > wait then wait, which = free, i end
  end
end
if which > 0 then return { 'REFUSED', tostring(which), string.format('%.0f', wait) } end
for i = 1, #KEYS.counts do
  local r = count.rule(i)
  if not redis.call('ZSCORE', r.key, r.id) then count.add(r, now) end
end
return { 'TAKEN' }
