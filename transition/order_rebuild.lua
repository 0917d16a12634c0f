-- order_rebuild: makes the record of an order again that was lost, from what the
-- channel says of its payment. It is credited as any other order then.
-- KEYS account order due case
-- ARGV order_no account_no channel amount payer_kind payer now case_id merchant
-- REPLY REBUILT | EXISTS | OTHER_ACCOUNT account | NO_ACCOUNT | ENDED
-- Invariants: only for an open case; an order that is there stays as it is; what
-- is rebuilt takes nothing of the day's quota.
if redis.call('HGET', KEYS.case, 's:' .. ARGV.case_id) ~= 'open' then return { 'ENDED' } end
if redis.call('EXISTS', KEYS.account) == 0 then return { 'NO_ACCOUNT' } end
local held = redis.call('HGET', KEYS.order, 'account')
if held and held ~= ARGV.account_no then return { 'OTHER_ACCOUNT', held } end
if held then
  redis.call('HINCRBY', KEYS.order, 'dup', '1')
  return { 'EXISTS' }
end
redis.call('HSET', KEYS.order, 'state', 'prepared', 'amount', ARGV.amount, 'refunded', '0', 'refunding', '0', 'account', ARGV.account_no,
  'channel', ARGV.channel, 'merchant', ARGV.merchant, 'payer_kind', ARGV.payer_kind, 'payer', ARGV.payer, 'request', '{}', 'prepay', '{}', 'prepared', ARGV.now, 'created', ARGV.now,
  'expires', ARGV.now, 'q_day', '', 'queries', '0', 'dup', '0', 'rebuilt', ARGV.case_id)
redis.call('ZADD', KEYS.due, ARGV.now, ARGV.order_no)
return { 'REBUILT' }
