-- due_resched: says when to ask next about an order that is still open, and
-- takes one that is not out of the list.
-- KEYS due order
-- ARGV order_no next
-- REPLY OK | GONE state
--   next: next time
--   GONE: removed, nothing left to ask
local state = redis.call('HGET', KEYS.order, 'state')
if state == 'created' or state == 'prepared' then
  redis.call('ZADD', KEYS.due, ARGV.next, ARGV.order_no)
  redis.call('HINCRBY', KEYS.order, 'queries', '1')
  return { 'OK' }
end
redis.call('ZREM', KEYS.due, ARGV.order_no)
return { 'GONE', state or '' }
