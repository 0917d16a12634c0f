-- case_refund_hold: binds money in suspense to a refund before its channel hears
-- of it. The money stays in suspense until the channel has made the refund.
-- include cases ledger
-- KEYS case refund rfdue
-- ARGV id refund_no amount channel order_no request by why now due merchant
-- REPLY HELD no | SAME no | LIMIT fen | EXISTS | ENDED decision | NO_CASE
--   order_no: order as the channel knows it
--   request: request to the channel (JSON)
--   by: who asks
--   due: first due
--   SAME: one is under way
-- Invariants: of a case never more is under way than it holds; while a refund is
-- under way nothing else becomes of the case.
local c = cases.read(KEYS.case, ARGV.id)
if not c.state then return { 'NO_CASE' } end
if c.state ~= 'open' then return { 'ENDED', c.decision } end
-- A load's money is no payment's: two people send it back to its account, or to the card.
if string.sub(c.id, 1, 5) == 'load:' then return { 'LIMIT', '0' } end
if c.held > 0 then
  redis.call('HINCRBY', KEYS.case, 'n:' .. c.id, '1')
  return { 'SAME', string.match(c.refunds, '(%S+)$') }
end
local amount = tonumber(ARGV.amount)
if amount <= 0 or amount > c.fen then return { 'LIMIT', ledger.text(c.fen) } end
if redis.call('EXISTS', KEYS.refund) == 1 then return { 'EXISTS' } end
redis.call('HSET', KEYS.case, 'h:' .. c.id, ARGV.amount)
cases.lists(c, KEYS.case, ARGV.refund_no)
redis.call('HSET', KEYS.refund, 'order', ARGV.order_no, 'case', c.id, 'amount', ARGV.amount, 'state', 'held', 'source', 'ours', 'at', ARGV.now,
  'account', '', 'channel', ARGV.channel, 'merchant', ARGV.merchant, 'request', ARGV.request, 'by', ARGV.by, 'why', ARGV.why, 'queries', '0')
redis.call('ZADD', KEYS.rfdue, ARGV.due, ARGV.refund_no)
return { 'HELD', ARGV.refund_no }
