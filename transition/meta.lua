-- meta: fixes at the first start what can never change.
-- KEYS 1 meta
-- ARGV 1 format  2 partitions
-- Replies: docs/keys.md.
local m = hash(KEYS[1])
if m.partitions and (m.partitions ~= ARGV[2] or m.format ~= ARGV[1]) then
  return { 'OTHER', 'format ' .. (m.format or '') .. ', ' .. m.partitions .. ' partitions' }
end
redis.call('HSET', KEYS[1], 'format', ARGV[1], 'partitions', ARGV[2])
return { 'OK' }
