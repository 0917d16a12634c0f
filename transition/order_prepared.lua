-- order_prepared: keeps the channel's answer to the prepay request. It acts on
-- an order that still waits to be paid and changes nothing once it was.
-- KEYS 1 order
-- ARGV 1 prepay (JSON)  2 now
-- Replies: docs/keys.md.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'NO_ORDER' } end
if state ~= 'created' and state ~= 'prepared' then
  redis.call('HINCRBY', KEYS[1], 'dup', '1')
  return { 'STATE', state }
end
redis.call('HSET', KEYS[1], 'state', 'prepared', 'prepay', ARGV[1], 'prepared', ARGV[2])
return { 'PREPARED' }
