-- case_note: writes down who does what with a case, and why, before it is done.
-- KEYS 1 case
-- ARGV 1 id  2 note (one line)
-- Replies: docs/keys.md.
if redis.call('HEXISTS', KEYS[1], 's:' .. ARGV[1]) == 0 then return { 'NO_CASE' } end
local notes = redis.call('HGET', KEYS[1], 'w:' .. ARGV[1])
redis.call('HSET', KEYS[1], 'w:' .. ARGV[1], notes and notes .. '\n' .. ARGV[2] or ARGV[2])
return { 'NOTED' }
