-- order_told: writes down that the channel told of refunds of an order, before
-- they can be learned: until then no older word may credit it whole.
-- KEYS order
-- ARGV refunded now
-- REPLY TOLD first | NO_ORDER
--   refunded: fen that were refunded, all told
-- Invariant: the largest sum and the first time stay.
local o = redis.call('HMGET', KEYS.order, 'state', 'told', 'told_at')
if not o[1] then return { 'NO_ORDER' } end
redis.call('HSET', KEYS.order, 'told', string.format('%.0f', math.max(tonumber(ARGV.refunded), tonumber(o[2] or '0'))),
  'told_at', o[3] or ARGV.now)
return { 'TOLD', o[3] or ARGV.now }
