-- case_refund_late: the channel has made a refund of a case after all, which had
-- been given back, and whose payment was credited since. It is booked on the order
-- as a refund made outside.
-- KEYS 1 account  2 order  3 refund  4 entries  5 tot
-- ARGV 1 refund  2 order  3 account  4 amount  5 the channel's number of it
--      6 its time  7 now
-- Replies: docs/keys.md.
-- Invariants: as of refund_ext.
local r = redis.call('HMGET', KEYS[3], 'case', 'amount', 'state')
if not r[1] then return { 'NO_REFUND' } end
if r[2] ~= ARGV[4] then return { 'MISMATCH', 'amount' } end
if r[3] ~= 'returned' then
  redis.call('HINCRBY', KEYS[3], 'dup', '1')
  return { 'DUP' }
end
local o = hash(KEYS[2])
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV[3] then return { 'RETRY' } end
if o.state ~= 'credited' then return { 'NOT_CREDITED' } end
local amount = tonumber(ARGV[4])
if amount > tonumber(o.amount) - tonumber(o.refunded) - tonumber(o.refunding) then return { 'MISMATCH', 'order' } end
local a = account(KEYS[1])
local taken = give(a, amount)
enter(a, KEYS[4], 'refund_ext', ARGV[1], amount, ARGV[7])
save(a)
post(KEYS[5], { pending = taken, clawback = amount - taken, refunded = -amount })
local refunds = o.refunds or ''
if not string.find(' ' .. refunds .. ' ', ' ' .. ARGV[1] .. ' ', 1, true) then refunds = among(refunds, ARGV[1]) end
redis.call('HSET', KEYS[2], 'refunded', add(o.refunded, amount), 'refunds', refunds)
redis.call('HSET', KEYS[3], 'state', 'settled', 'channel_no', ARGV[5], 'made', ARGV[6], 'done', ARGV[7], 'flag', 'after_credit')
return { 'LATE' }
