-- refund_ext: the channel has made a refund that the hub did not ask for: in
-- the merchant's console, or a chargeback.
-- KEYS 1 account  2 order  3 refund  4 entries  5 tot
-- ARGV 1 refund  2 order  3 account  4 amount  5 the channel's number of it
--      6 its time  7 now  8 how it was learned  9 channel
-- Replies: docs/keys.md.
-- Invariants: a refund's number is booked once, whoever tells of it; of an
-- order never more is refunded than was paid.
local o = hash(KEYS[2])
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV[3] then return { 'RETRY' } end
if o.channel ~= ARGV[9] then return { 'MISMATCH', 'channel' } end
local r, amount = hash(KEYS[3]), tonumber(ARGV[4])
if r.state and (r.amount ~= ARGV[4] or r.order ~= ARGV[2]) then return { 'MISMATCH', 'refund' } end
if r.state then
  redis.call('HINCRBY', KEYS[3], 'dup', '1')
  return { 'DUP' }
end
if o.state ~= 'credited' then return { 'NOT_CREDITED' } end
if amount <= 0 or amount > tonumber(o.amount) - tonumber(o.refunded) then return { 'MISMATCH', 'amount' } end
local a = account(KEYS[1])
local taken = give(a, amount)
enter(a, KEYS[4], 'refund_ext', ARGV[1], amount, ARGV[7])
save(a)
post(KEYS[5], { pending = taken, clawback = amount - taken, refunded = -amount })
redis.call('HSET', KEYS[2], 'refunded', add(o.refunded, amount), 'refunds', among(o.refunds, ARGV[1]))
redis.call('HSET', KEYS[3], 'order', ARGV[2], 'amount', ARGV[4], 'state', 'settled', 'source', 'external', 'at', ARGV[6],
  'account', ARGV[3], 'channel', o.channel, 'channel_no', ARGV[5], 'done', ARGV[7], 'learned', ARGV[8])
return { 'BOOKED', text(taken) }
