-- refund_return: gives the money of a refund back to the account: on the
-- channel's signed word that it will never be made, or on a person's.
-- include ledger refunds
-- KEYS account order refund entries tot rfdue count
-- ARGV refund_no now word quiet_ms
-- REPLY RETURNED | DUP | SETTLED | RECENT sent_at | ACCEPTED | NO_REFUND
--   word: the word
--   quiet_ms: how long, in ms, nothing may have been sent for it; '0' with the channel's
--    own word
--   ACCEPTED: the channel's signed word stands against people's
-- Invariant: only money that is held comes back, and once.
local r = ledger.hash(KEYS.refund)
if r.source ~= 'ours' then return { 'NO_REFUND' } end
if r.state ~= 'held' then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { r.state == 'returned' and 'DUP' or 'SETTLED' }
end
if r.accepted and ARGV.quiet_ms ~= '0' then return { 'ACCEPTED' } end
if r.sent_at and tonumber(ARGV.now) - tonumber(r.sent_at) < tonumber(ARGV.quiet_ms) then return { 'RECENT', r.sent_at } end
local o, a, amount = ledger.hash(KEYS.order), ledger.account(KEYS.account), tonumber(r.amount)
a.refund_held = a.refund_held - amount
local claw, owed, rest = ledger.receive(a, amount)
ledger.enter(a, KEYS.entries, 'refund_return', ARGV.refund_no, amount, ARGV.now)
ledger.save(a)
ledger.post(KEYS.tot, { refund_held = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
redis.call('HSET', KEYS.order, 'refunding', refunds.add(o.refunding, -amount))
redis.call('HSET', KEYS.refund, 'state', 'returned', 'done', ARGV.now, 'word', ARGV.word)
redis.call('ZREM', KEYS.rfdue, ARGV.refund_no)
return { 'RETURNED' }
