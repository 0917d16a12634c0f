-- due_resched: says when to ask next about an order that is still open, and
-- takes one that is not out of the list.
-- KEYS 1 due  2 order
-- ARGV 1 order  2 next time
-- Replies: docs/keys.md.
local state = redis.call('HGET', KEYS[2], 'state')
if state == 'created' or state == 'prepared' then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
  redis.call('HINCRBY', KEYS[2], 'queries', '1')
  return { 'OK' }
end
redis.call('ZREM', KEYS[1], ARGV[1])
return { 'GONE', state or '' }
