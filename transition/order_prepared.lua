-- order_prepared: keeps the channel's answer to the prepay request. It acts on
-- an order that still waits to be paid and changes nothing once it was.
-- KEYS order
-- ARGV prepay now
-- REPLY PREPARED | STATE state | NO_ORDER
--   prepay: prepay (JSON)
local state = redis.call('HGET', KEYS.order, 'state')
if not state then return { 'NO_ORDER' } end
if state ~= 'created' and state ~= 'prepared' then
  redis.call('HINCRBY', KEYS.order, 'dup', '1')
  return { 'STATE', state }
end
redis.call('HSET', KEYS.order, 'state', 'prepared', 'prepay', ARGV.prepay, 'prepared', ARGV.now)
return { 'PREPARED' }
