-- load_doubt: marks a load whose deadline passed (load protocol, rule 7). That is
-- all that time does.
-- KEYS 1 load
-- ARGV 1 now
-- Replies: docs/keys.md.
local load = redis.call('HMGET', KEYS[1], 'state', 'deadline')
if load[1] ~= 'HELD' or tonumber(load[2]) > tonumber(ARGV[1]) then return { 'GONE' } end
redis.call('HSET', KEYS[1], 'state', 'IN_DOUBT', 'marked', ARGV[1])
return { 'MARKED' }
