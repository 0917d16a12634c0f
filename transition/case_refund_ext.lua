-- case_refund_ext: the channel has given back money in suspense that the hub did
-- not ask for: in the merchant's console, or a chargeback.
-- include cases ledger
-- KEYS case refund tot house house_entries count
-- ARGV id refund_no order_no amount channel_no at now source channel
-- REPLY BOOKED left | DUP | MISMATCH field | ENDED decision | NO_CASE
--   house: house account
--   order_no: order as the channel knows it
--   channel_no: the channel's number of it
--   at: its time
--   source: how it was learned
-- Invariant: a refund's number is booked once, whoever tells of it.
local r = redis.call('HMGET', KEYS.refund, 'state', 'amount')
if r[1] and r[2] ~= ARGV.amount then return { 'MISMATCH', 'refund' } end
if r[1] then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { 'DUP' }
end
local c, amount = cases.read(KEYS.case, ARGV.id), tonumber(ARGV.amount)
if not c.state then return { 'NO_CASE' } end
if c.state ~= 'open' then return { 'ENDED', c.decision } end
if amount <= 0 or amount > c.fen - c.held then return { 'MISMATCH', 'amount' } end
cases.gone(c, KEYS.case, KEYS.tot, ledger.account(KEYS.house), KEYS.house_entries, ARGV.refund_no, amount, ARGV.now)
cases.lists(c, KEYS.case, ARGV.refund_no)
redis.call('HSET', KEYS.refund, 'order', ARGV.order_no, 'case', c.id, 'amount', ARGV.amount, 'state', 'settled', 'source', 'external', 'at', ARGV.at,
  'account', '', 'channel', ARGV.channel, 'channel_no', ARGV.channel_no, 'done', ARGV.now, 'learned', ARGV.source)
return { 'BOOKED', ledger.text(c.fen) }
