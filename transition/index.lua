-- index: points from a card's number to where it is kept, once and for all.
-- KEYS 1 pointer
-- ARGV 1 value
-- Replies: docs/keys.md.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return { 'TAKEN', held } end
redis.call('SET', KEYS[1], ARGV[1])
return { 'OK' }
