-- refund_settle: the channel has made a refund that the hub asked for.
-- include ledger refunds
-- KEYS account order refund entries tot rfdue count
-- ARGV refund_no amount channel_no at now
-- REPLY SETTLED | LATE | DUP | NO_REFUND | MISMATCH field
--   channel_no: the channel's number of it
--   at: its time
--   LATE: it had been given back: booked as made outside
-- Invariants: a refund leaves the books once. One that was given back on the
-- channel's word and was made all the same is booked as one made outside.
local r = ledger.hash(KEYS.refund)
if r.source ~= 'ours' then return { 'NO_REFUND' } end
if r.amount ~= ARGV.amount then return { 'MISMATCH', 'amount' } end
if r.state == 'settled' then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { 'DUP' }
end
local o, a, amount = ledger.hash(KEYS.order), ledger.account(KEYS.account), tonumber(ARGV.amount)
local late = r.state == 'returned'
if late then
  local taken = ledger.give(a, amount)
  ledger.enter(a, KEYS.entries, 'refund_ext', ARGV.refund_no, amount, ARGV.now)
  ledger.post(KEYS.tot, { pending = taken, clawback = amount - taken, refunded = -amount })
else
  a.refund_held = a.refund_held - amount
  ledger.enter(a, KEYS.entries, 'refund_settle', ARGV.refund_no, amount, ARGV.now)
  ledger.post(KEYS.tot, { refund_held = amount, refunded = -amount })
  redis.call('HSET', KEYS.order, 'refunding', refunds.add(o.refunding, -amount))
end
ledger.save(a)
redis.call('HSET', KEYS.order, 'refunded', refunds.add(o.refunded, amount))
redis.call('HSET', KEYS.refund, 'state', 'settled', 'channel_no', ARGV.channel_no, 'made', ARGV.at, 'done', ARGV.now,
  'flag', late and 'late' or '')
redis.call('ZREM', KEYS.rfdue, ARGV.refund_no)
return { late and 'LATE' or 'SETTLED' }
