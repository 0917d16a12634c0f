-- order_told: writes down that the channel told of refunds of an order, before
-- they can be learned: until then no older word may credit it whole.
-- KEYS 1 order
-- ARGV 1 fen that were refunded, all told  2 now
-- Replies: docs/keys.md.
-- Invariant: the largest sum and the first time stay.
local o = redis.call('HMGET', KEYS[1], 'state', 'told', 'told_at')
if not o[1] then return { 'NO_ORDER' } end
redis.call('HSET', KEYS[1], 'told', string.format('%.0f', math.max(tonumber(ARGV[1]), tonumber(o[2] or '0'))),
  'told_at', o[3] or ARGV[2])
return { 'TOLD', o[3] or ARGV[2] }
