-- refund_return: gives the money of a refund back to the account: on the
-- channel's signed word that it will never be made, or on a person's.
-- KEYS 1 account  2 order  3 refund  4 entries  5 tot  6 rfdue
-- ARGV 1 refund  2 now  3 the word  4 how long, in ms, nothing may have been
--      sent for it; '0' with the channel's own word
-- Replies: docs/keys.md.
-- Invariant: only money that is held comes back, and once.
local r = hash(KEYS[3])
if r.source ~= 'ours' then return { 'NO_REFUND' } end
if r.state ~= 'held' then
  redis.call('HINCRBY', KEYS[3], 'dup', '1')
  return { r.state == 'returned' and 'DUP' or 'SETTLED' }
end
if r.accepted and ARGV[4] ~= '0' then return { 'ACCEPTED' } end
if r.sent_at and tonumber(ARGV[2]) - tonumber(r.sent_at) < tonumber(ARGV[4]) then return { 'RECENT', r.sent_at } end
local o, a, amount = hash(KEYS[2]), account(KEYS[1]), tonumber(r.amount)
a.refund_held = a.refund_held - amount
local claw, owed, rest = receive(a, amount)
enter(a, KEYS[4], 'refund_return', ARGV[1], amount, ARGV[2])
save(a)
post(KEYS[5], { refund_held = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
redis.call('HSET', KEYS[2], 'refunding', add(o.refunding, -amount))
redis.call('HSET', KEYS[3], 'state', 'returned', 'done', ARGV[2], 'word', ARGV[3])
redis.call('ZREM', KEYS[6], ARGV[1])
return { 'RETURNED' }
