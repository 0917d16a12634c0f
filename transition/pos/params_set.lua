-- params_set: puts parameters for terminals in force. Their version rises with
-- each change.
-- KEYS 1 parameters
-- ARGV 1 values (one JSON object)  2 now
-- Replies: SET version, SAME version (these are in force).
local h = redis.call('HMGET', KEYS[1], 'values', 'version')
if h[1] == ARGV[1] then return { 'SAME', h[2] } end
local version = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'version', '1'))
redis.call('HSET', KEYS[1], 'values', ARGV[1], 'at', ARGV[2])
return { 'SET', version }
