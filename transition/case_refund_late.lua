-- case_refund_late: the channel has made a refund of a case after all, which had
-- been given back, and whose payment was credited since. It is booked on the order
-- as a refund made outside.
-- include ledger refunds
-- KEYS account order refund entries tot count
-- ARGV refund_no account_no amount channel_no at now
-- REPLY LATE | DUP | NO_REFUND | NO_ORDER | NOT_CREDITED | MISMATCH field | RETRY
--   channel_no: the channel's number of it
--   at: its time
-- Invariants: as of refund_ext.
local r = redis.call('HMGET', KEYS.refund, 'case', 'amount', 'state')
if not r[1] then return { 'NO_REFUND' } end
if r[2] ~= ARGV.amount then return { 'MISMATCH', 'amount' } end
if r[3] ~= 'returned' then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { 'DUP' }
end
local o = ledger.hash(KEYS.order)
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV.account_no then return { 'RETRY' } end
if o.state ~= 'credited' then return { 'NOT_CREDITED' } end
local amount = tonumber(ARGV.amount)
if amount > tonumber(o.amount) - tonumber(o.refunded) - tonumber(o.refunding) then return { 'MISMATCH', 'order' } end
local a = ledger.account(KEYS.account)
local taken = ledger.give(a, amount)
ledger.enter(a, KEYS.entries, 'refund_ext', ARGV.refund_no, amount, ARGV.now)
ledger.save(a)
ledger.post(KEYS.tot, { pending = taken, clawback = amount - taken, refunded = -amount })
local list = o.refunds or ''
if not string.find(' ' .. list .. ' ', ' ' .. ARGV.refund_no .. ' ', 1, true) then list = refunds.among(list, ARGV.refund_no) end
redis.call('HSET', KEYS.order, 'refunded', refunds.add(o.refunded, amount), 'refunds', list)
redis.call('HSET', KEYS.refund, 'state', 'settled', 'channel_no', ARGV.channel_no, 'made', ARGV.at, 'done', ARGV.now, 'flag', 'after_credit')
return { 'LATE' }
