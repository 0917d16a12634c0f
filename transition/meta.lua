-- meta: fixes at the first start what can never change.
-- include ledger
-- KEYS meta
-- ARGV format partitions id
-- REPLY OK id | OTHER value | NONE
--   id: the id of books that may be made, or ''
local m = ledger.hash(KEYS.meta)
if m.partitions and (m.partitions ~= ARGV.partitions or m.format ~= ARGV.format) then
  return { 'OTHER', 'format ' .. (m.format or '') .. ', ' .. m.partitions .. ' partitions' }
end
local books = m.books or ARGV.id
if books == '' then return { 'NONE' } end
redis.call('HSET', KEYS.meta, 'format', ARGV.format, 'partitions', ARGV.partitions, 'books', books)
return { 'OK', books }
