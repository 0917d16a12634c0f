-- refund_resched: says when to ask next about a refund that is still held, and
-- what the channel said last; takes one that is not held out of the list.
-- KEYS 1 rfdue  2 refund
-- ARGV 1 refund  2 next time  3 the channel's word, or ''
--      4 '1' if the channel says, signed, that it has the refund
-- Replies: docs/keys.md.
local state = redis.call('HGET', KEYS[2], 'state')
if state == 'held' then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
  redis.call('HINCRBY', KEYS[2], 'queries', '1')
  if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'word', ARGV[3]) end
  if ARGV[4] == '1' then redis.call('HSET', KEYS[2], 'accepted', '1') end
  return { 'OK' }
end
redis.call('ZREM', KEYS[1], ARGV[1])
return { 'GONE', state or '' }
