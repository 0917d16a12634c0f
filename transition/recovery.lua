-- recovery: begins or ends a partition's recovery (load protocol, rule 16), or takes
-- note of the process that holds the partition.
-- KEYS epoch
-- ARGV verb now by second why process replaced
-- REPLY BEGUN | ENDED since | DUP since | NOTED | SAME
--   verb: 'begin', 'end' or 'primary'
--   second: and who else, or ''
--   process: with 'primary': the process, and
--   replaced: '1' if another one may lack writes
--   SAME: the process that holds the partition
local since = redis.call('HGET', KEYS.epoch, 'recovery')
local on = since and since ~= ''
local begin = ARGV.verb == 'begin'
if ARGV.verb == 'primary' then
  local was = redis.call('HGET', KEYS.epoch, 'run')
  if was == ARGV.process then return { 'SAME' } end
  redis.call('HSET', KEYS.epoch, 'run', ARGV.process)
  begin = was and ARGV.replaced == '1'
  if not begin then return { 'NOTED' } end
end
-- A second loss counts from itself: journals sent between the two are not enough.
if ARGV.verb == 'end' and not on then
  redis.call('HINCRBY', KEYS.epoch, 'dup', '1')
  return { 'DUP', since or '' }
end
if begin then
  redis.call('HSET', KEYS.epoch, 'recovery', ARGV.now, 'by', ARGV.by, 'second', ARGV.second, 'why', ARGV.why)
  return { 'BEGUN' }
end
redis.call('HSET', KEYS.epoch, 'recovery', '', 'ended', ARGV.now, 'by', ARGV.by, 'second', ARGV.second, 'why', ARGV.why)
return { 'ENDED', since }
