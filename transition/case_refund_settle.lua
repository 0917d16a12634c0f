-- case_refund_settle: the channel has made a refund of money in suspense that
-- the hub asked for.
-- KEYS 1 case  2 refund  3 rfdue  4 tot  5 house account  6 house entries
-- ARGV 1 refund  2 amount  3 the channel's number of it  4 its time  5 now
-- Replies: docs/keys.md.
-- Invariant: a refund leaves the books once. One that was made after it had been
-- given back is booked as long as the case still holds its money.
local r = redis.call('HMGET', KEYS[2], 'case', 'amount', 'state')
if not r[1] then return { 'NO_REFUND' } end
if r[2] ~= ARGV[2] then return { 'MISMATCH', 'amount' } end
if r[3] == 'settled' then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { 'DUP' }
end
local c, amount, late = case_read(KEYS[1], r[1]), tonumber(ARGV[2]), r[3] == 'returned'
if late and (c.state ~= 'open' or c.held > 0 or c.fen < amount) then return { 'MISMATCH', 'case' } end
if not late then c.held = c.held - amount end
case_gone(c, KEYS[1], KEYS[4], account(KEYS[5]), KEYS[6], ARGV[1], amount, ARGV[5])
redis.call('HSET', KEYS[2], 'state', 'settled', 'channel_no', ARGV[3], 'made', ARGV[4], 'done', ARGV[5], 'flag', late and 'late' or '')
redis.call('ZREM', KEYS[3], ARGV[1])
return { late and 'LATE' or 'SETTLED' }
