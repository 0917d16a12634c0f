-- index: points from a card's number to where it is kept. A pointer is changed
-- only if it still has the value that the caller found to lead nowhere.
-- KEYS 1 pointer
-- ARGV 1 value  2 value that may be replaced, or ''
-- Replies: docs/keys.md.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] and held ~= ARGV[2] then return { 'TAKEN', held } end
redis.call('SET', KEYS[1], ARGV[1])
return { 'OK' }
