-- refund_send: says that a refund is about to be sent to its channel, as long as
-- it is held. From then on only the channel's own word can end it, or people ten
-- minutes after the last sending.
-- KEYS 1 refund
-- ARGV 1 now
-- Replies: docs/keys.md.
-- Invariant: no request leaves the hub for a refund that was given back.
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'held' then
  redis.call('HINCRBY', KEYS[1], 'dup', '1')
  return { 'GONE', state or '' }
end
redis.call('HSET', KEYS[1], 'sent_at', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'sends', '1')
return { 'SEND' }
