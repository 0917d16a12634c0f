-- refund_resched: says when to ask next about a refund that is still held, and
-- what the channel said last; takes one that is not held out of the list.
-- KEYS rfdue refund
-- ARGV refund_no next word accepted
-- REPLY OK | GONE state
--   next: next time
--   word: the channel's word, or ''
--   accepted: '1' if the channel says, signed, that it has the refund
local state = redis.call('HGET', KEYS.refund, 'state')
if state == 'held' then
  redis.call('ZADD', KEYS.rfdue, ARGV.next, ARGV.refund_no)
  redis.call('HINCRBY', KEYS.refund, 'queries', '1')
  if ARGV.word ~= '' then redis.call('HSET', KEYS.refund, 'word', ARGV.word) end
  if ARGV.accepted == '1' then redis.call('HSET', KEYS.refund, 'accepted', '1') end
  return { 'OK' }
end
redis.call('ZREM', KEYS.rfdue, ARGV.refund_no)
return { 'GONE', state or '' }
