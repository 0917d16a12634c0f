-- order_close: ends an unpaid order on the channel's proof. A payment that
-- still arrives is credited all the same.
-- include ledger unpaid
-- KEYS account order due
-- ARGV order_no now merchant
-- REPLY CLOSED | DUP | CREDITED | NO_ORDER | OTHER_MERCHANT merchant
--   merchant: the merchant whose word it is
--   OTHER_MERCHANT: the order's
-- Invariants: a credited order is never closed, nor any on the word of a
-- merchant that did not make it; the quota is freed once, and
-- only on the day for which it was reserved.
local o = ledger.hash(KEYS.order)
if not o.state then return { 'NO_ORDER' } end
if o.merchant ~= ARGV.merchant then return { 'OTHER_MERCHANT', o.merchant or '' } end
if o.state == 'credited' then
  redis.call('HINCRBY', KEYS.order, 'dup', '1')
  return { 'CREDITED' }
end
if o.state == 'closed' then
  redis.call('HINCRBY', KEYS.order, 'dup', '1')
  return { 'DUP' }
end
local a = ledger.account(KEYS.account)
redis.call('HSET', KEYS.order, 'state', 'closed', 'closed', ARGV.now)
redis.call('ZREM', KEYS.due, ARGV.order_no)
unpaid.served(KEYS.account, a.open, ARGV.order_no)
if a.q_day == o.q_day then
  redis.call('HSET', KEYS.account, 'q_fen', ledger.text(math.max(0, a.q_fen - tonumber(o.asked or o.amount))))
end
return { 'CLOSED' }
