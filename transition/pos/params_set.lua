-- params_set: puts parameters for terminals in force. Their version rises with
-- each change.
-- KEYS params
-- ARGV values now
-- REPLY SET version | SAME version
--   values: one JSON object
--   SAME: these are in force
local h = redis.call('HMGET', KEYS.params, 'values', 'version')
if h[1] == ARGV.values then return { 'SAME', h[2] } end
local version = string.format('%.0f', redis.call('HINCRBY', KEYS.params, 'version', '1'))
redis.call('HSET', KEYS.params, 'values', ARGV.values, 'at', ARGV.now)
return { 'SET', version }
