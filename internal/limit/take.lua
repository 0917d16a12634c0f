-- take: one from each count, or none at all. See count.lua for KEYS and ARGV.
-- Replies: {'TAKEN'} or {'REFUSED', number of the key with the longest wait, ms to wait}.
local wait, why = 0, 0
for i = 1, #KEYS do
  local r = rule(i)
  forget(r)
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
      if full then free = nth(r.key, -1) + r.per - now end
    elseif has >= r.most then
      free = nth(r.key, has - r.most) + r.per - now
    end
    if free > wait then wait, why = free, i end
  end
end
if why > 0 then return { 'REFUSED', tostring(why), string.format('%.0f', wait) } end
for i = 1, #KEYS do
  local r = rule(i)
  if not redis.call('ZSCORE', r.key, r.id) then add(r) end
end
return { 'TAKEN' }
