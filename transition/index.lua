-- index: points from a card's number to where it is kept. A pointer is changed
-- only if it still has the value that the caller found to lead nowhere.
-- KEYS pointer
-- ARGV value replace
-- REPLY OK | TAKEN value
--   replace: value that may be replaced, or ''
local held = redis.call('GET', KEYS.pointer)
if held and held ~= ARGV.value and held ~= ARGV.replace then return { 'TAKEN', held } end
redis.call('SET', KEYS.pointer, ARGV.value)
return { 'OK' }
