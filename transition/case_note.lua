-- case_note: writes down who does what with a case, and why, before it is done.
-- KEYS case
-- ARGV id note
-- REPLY NOTED | NO_CASE
--   note: note (one line)
if redis.call('HEXISTS', KEYS.case, 's:' .. ARGV.id) == 0 then return { 'NO_CASE' } end
local notes = redis.call('HGET', KEYS.case, 'w:' .. ARGV.id)
redis.call('HSET', KEYS.case, 'w:' .. ARGV.id, notes and notes .. '\n' .. ARGV.note or ARGV.note)
return { 'NOTED' }
