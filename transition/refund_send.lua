-- refund_send: says that a refund is about to be sent to its channel, as long as
-- it is held. From then on only the channel's own word can end it, or people ten
-- minutes after the last sending.
-- KEYS refund
-- ARGV now
-- REPLY SEND | GONE state
-- Invariant: no request leaves the hub for a refund that was given back.
local state = redis.call('HGET', KEYS.refund, 'state')
if state ~= 'held' then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { 'GONE', state or '' }
end
redis.call('HSET', KEYS.refund, 'sent_at', ARGV.now)
redis.call('HINCRBY', KEYS.refund, 'sends', '1')
return { 'SEND' }
