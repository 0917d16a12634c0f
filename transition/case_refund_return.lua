-- case_refund_return: a refund of money in suspense will not be made: on the
-- channel's signed word, or on a person's. Its case is as it was before.
-- include cases ledger
-- KEYS case refund rfdue
-- ARGV refund_no now word quiet_ms
-- REPLY RETURNED | DUP | SETTLED | RECENT sent_at | ACCEPTED | NO_REFUND
--   word: the word
--   quiet_ms: how long, in ms, nothing may have been sent for it; '0' with the channel's
--    own word
local r = redis.call('HMGET', KEYS.refund, 'case', 'amount', 'state', 'accepted', 'sent_at')
if not r[1] then return { 'NO_REFUND' } end
if r[3] ~= 'held' then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { r[3] == 'returned' and 'DUP' or 'SETTLED' }
end
if r[4] and ARGV.quiet_ms ~= '0' then return { 'ACCEPTED' } end
if r[5] and tonumber(ARGV.now) - tonumber(r[5]) < tonumber(ARGV.quiet_ms) then return { 'RECENT', r[5] } end
local c = cases.read(KEYS.case, r[1])
redis.call('HSET', KEYS.case, 'h:' .. c.id, ledger.text(c.held - tonumber(r[2])))
redis.call('HSET', KEYS.refund, 'state', 'returned', 'done', ARGV.now, 'word', ARGV.word)
redis.call('ZREM', KEYS.rfdue, ARGV.refund_no)
return { 'RETURNED' }
