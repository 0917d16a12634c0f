-- meta: fixes at the first start what can never change.
-- KEYS 1 meta
-- ARGV 1 format  2 partitions  3 the id of books that may be made, or ''
-- Replies: docs/keys.md.
local m = hash(KEYS[1])
if m.partitions and (m.partitions ~= ARGV[2] or m.format ~= ARGV[1]) then
  return { 'OTHER', 'format ' .. (m.format or '') .. ', ' .. m.partitions .. ' partitions' }
end
local books = m.books or ARGV[3]
if books == '' then return { 'NONE' } end
redis.call('HSET', KEYS[1], 'format', ARGV[1], 'partitions', ARGV[2], 'books', books)
return { 'OK', books }
