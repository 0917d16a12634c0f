-- order_rebuild: makes the record of an order again that was lost, from what the
-- channel says of its payment. It is credited as any other order then.
-- KEYS 1 account  2 order  3 due  4 case
-- ARGV 1 order  2 account  3 channel  4 amount  5 payer kind  6 payer  7 now
--      8 case  9 merchant
-- Replies: docs/keys.md.
-- Invariants: only for an open case; an order that is there stays as it is; what
-- is rebuilt takes nothing of the day's quota.
if redis.call('HGET', KEYS[4], 's:' .. ARGV[8]) ~= 'open' then return { 'ENDED' } end
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'NO_ACCOUNT' } end
local held = redis.call('HGET', KEYS[2], 'account')
if held and held ~= ARGV[2] then return { 'OTHER_ACCOUNT', held } end
if held then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { 'EXISTS' }
end
redis.call('HSET', KEYS[2], 'state', 'prepared', 'amount', ARGV[4], 'refunded', '0', 'refunding', '0', 'account', ARGV[2],
  'channel', ARGV[3], 'merchant', ARGV[9], 'payer_kind', ARGV[5], 'payer', ARGV[6], 'request', '{}', 'prepay', '{}', 'prepared', ARGV[7], 'created', ARGV[7],
  'expires', ARGV[7], 'q_day', '', 'queries', '0', 'dup', '0', 'rebuilt', ARGV[8])
redis.call('ZADD', KEYS[3], ARGV[7], ARGV[1])
return { 'REBUILT' }
