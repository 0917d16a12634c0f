-- recovery: begins or ends a partition's recovery (load protocol, rule 16), or takes
-- note of the process that holds the partition.
-- KEYS 1 epoch
-- ARGV 1 'begin', 'end' or 'primary'  2 now  3 who  4 and who else, or ''  5 why
--      6 with 'primary': the process, and 7 '1' if another one may lack writes
-- Replies: docs/keys.md.
local since = redis.call('HGET', KEYS[1], 'recovery')
local on = since and since ~= ''
local begin = ARGV[1] == 'begin'
if ARGV[1] == 'primary' then
  local was = redis.call('HGET', KEYS[1], 'run')
  if was == ARGV[6] then return { 'SAME' } end
  redis.call('HSET', KEYS[1], 'run', ARGV[6])
  begin = was and ARGV[7] == '1'
  if not begin then return { 'NOTED' } end
end
-- A second loss counts from itself: journals sent between the two are not enough.
if ARGV[1] == 'end' and not on then
  redis.call('HINCRBY', KEYS[1], 'dup', '1')
  return { 'DUP', since or '' }
end
if begin then
  redis.call('HSET', KEYS[1], 'recovery', ARGV[2], 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
  return { 'BEGUN' }
end
redis.call('HSET', KEYS[1], 'recovery', '', 'ended', ARGV[2], 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
return { 'ENDED', since }
