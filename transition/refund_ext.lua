-- refund_ext: the channel has made a refund that the hub did not ask for: in
-- the merchant's console, or a chargeback.
-- include ledger refunds
-- KEYS account order refund entries tot count
-- ARGV refund_no order_no account_no amount channel_no at now source channel
-- REPLY BOOKED taken | DUP | NO_ORDER | NOT_CREDITED | MISMATCH field | RETRY
--   channel_no: the channel's number of it
--   at: its time
--   source: how it was learned
-- Invariants: a refund's number is booked once, whoever tells of it; of an
-- order never more is refunded than was paid.
local o = ledger.hash(KEYS.order)
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV.account_no then return { 'RETRY' } end
if o.channel ~= ARGV.channel then return { 'MISMATCH', 'channel' } end
local r, amount = ledger.hash(KEYS.refund), tonumber(ARGV.amount)
if r.state and (r.amount ~= ARGV.amount or r.order ~= ARGV.order_no) then return { 'MISMATCH', 'refund' } end
if r.state then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { 'DUP' }
end
if o.state ~= 'credited' then return { 'NOT_CREDITED' } end
if amount <= 0 or amount > tonumber(o.amount) - tonumber(o.refunded) then return { 'MISMATCH', 'amount' } end
local a = ledger.account(KEYS.account)
local taken = ledger.give(a, amount)
ledger.enter(a, KEYS.entries, 'refund_ext', ARGV.refund_no, amount, ARGV.now)
ledger.save(a)
ledger.post(KEYS.tot, { pending = taken, clawback = amount - taken, refunded = -amount })
redis.call('HSET', KEYS.order, 'refunded', refunds.add(o.refunded, amount), 'refunds', refunds.among(o.refunds, ARGV.refund_no))
redis.call('HSET', KEYS.refund, 'order', ARGV.order_no, 'amount', ARGV.amount, 'state', 'settled', 'source', 'external', 'at', ARGV.at,
  'account', ARGV.account_no, 'channel', o.channel, 'channel_no', ARGV.channel_no, 'done', ARGV.now, 'learned', ARGV.source)
return { 'BOOKED', ledger.text(taken) }
