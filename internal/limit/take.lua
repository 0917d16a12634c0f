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
    local all = count.from(r)
    -- The places of a window become free one by one, those of a run together.
    local function wait_for(list, most)
      if #list < most then return 0 end
      return (r.run and all[#all] or list[#list - most + 1]) + r.per - now
    end
    local free = wait_for(all, r.most)
    if r.part > 0 then free = math.max(free, wait_for(count.from(r, true), r.part)) end
    if free > wait then wait, which = free, i end
  end
end
if which > 0 then return { 'REFUSED', tostring(which), string.format('%.0f', wait) } end
for i = 1, #KEYS.counts do
  local r = count.rule(i)
  if not redis.call('ZSCORE', r.key, r.id) then count.add(r, now) end
end
return { 'TAKEN' }
