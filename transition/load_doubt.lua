-- load_doubt: marks a load whose deadline passed (load protocol, rule 7). That is
-- all that time does.
-- KEYS load
-- ARGV now
-- REPLY MARKED | GONE
local load = redis.call('HMGET', KEYS.load, 'state', 'deadline')
if load[1] ~= 'HELD' or tonumber(load[2]) > tonumber(ARGV.now) then return { 'GONE' } end
redis.call('HSET', KEYS.load, 'state', 'IN_DOUBT', 'marked', ARGV.now)
return { 'MARKED' }
