-- recovery: begins or ends a partition's recovery (load protocol, rule 16).
-- KEYS 1 epoch
-- ARGV 1 'begin' or 'end'  2 now  3 who  4 and who else, or ''  5 why
-- Replies: docs/keys.md.
local since = redis.call('HGET', KEYS[1], 'recovery')
local on = since and since ~= ''
if ARGV[1] == 'begin' and on or ARGV[1] == 'end' and not on then
  redis.call('HINCRBY', KEYS[1], 'dup', '1')
  return { 'DUP', since or '' }
end
if ARGV[1] == 'begin' then
  redis.call('HSET', KEYS[1], 'recovery', ARGV[2], 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
  return { 'BEGUN' }
end
redis.call('HSET', KEYS[1], 'recovery', '', 'ended', ARGV[2], 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
return { 'ENDED', since }
