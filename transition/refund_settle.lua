-- refund_settle: the channel has made a refund that the hub asked for.
-- KEYS 1 account  2 order  3 refund  4 entries  5 tot  6 rfdue
-- ARGV 1 refund  2 amount  3 the channel's number of it  4 its time  5 now
-- Replies: docs/keys.md.
-- Invariants: a refund leaves the books once. One that was given back on the
-- channel's word and was made all the same is booked as one made outside.
local r = hash(KEYS[3])
if r.source ~= 'ours' then return { 'NO_REFUND' } end
if r.amount ~= ARGV[2] then return { 'MISMATCH', 'amount' } end
if r.state == 'settled' then
  redis.call('HINCRBY', KEYS[3], 'dup', '1')
  return { 'DUP' }
end
local o, a, amount = hash(KEYS[2]), account(KEYS[1]), tonumber(ARGV[2])
local late = r.state == 'returned'
if late then
  local taken = give(a, amount)
  enter(a, KEYS[4], 'refund_ext', ARGV[1], amount, ARGV[5])
  post(KEYS[5], { pending = taken, clawback = amount - taken, refunded = -amount })
else
  a.refund_held = a.refund_held - amount
  enter(a, KEYS[4], 'refund_settle', ARGV[1], amount, ARGV[5])
  post(KEYS[5], { refund_held = amount, refunded = -amount })
  redis.call('HSET', KEYS[2], 'refunding', add(o.refunding, -amount))
end
save(a)
redis.call('HSET', KEYS[2], 'refunded', add(o.refunded, amount))
redis.call('HSET', KEYS[3], 'state', 'settled', 'channel_no', ARGV[3], 'made', ARGV[4], 'done', ARGV[5],
  'flag', late and 'late' or '')
redis.call('ZREM', KEYS[6], ARGV[1])
return { late and 'LATE' or 'SETTLED' }
