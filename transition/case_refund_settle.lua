-- case_refund_settle: the channel has made a refund of money in suspense that
-- the hub asked for.
-- include cases ledger
-- KEYS case refund rfdue tot house house_entries count
-- ARGV refund_no amount channel_no at now
-- REPLY SETTLED | LATE | DUP | NO_REFUND | MISMATCH field
--   house: house account
--   channel_no: the channel's number of it
--   at: its time
-- Invariant: a refund leaves the books once. One that was made after it had been
-- given back is booked as long as the case still holds its money.
local r = redis.call('HMGET', KEYS.refund, 'case', 'amount', 'state')
if not r[1] then return { 'NO_REFUND' } end
if r[2] ~= ARGV.amount then return { 'MISMATCH', 'amount' } end
if r[3] == 'settled' then
  redis.call('HINCRBY', KEYS.refund, 'dup', '1')
  return { 'DUP' }
end
local c, amount, late = cases.read(KEYS.case, r[1]), tonumber(ARGV.amount), r[3] == 'returned'
if late and (c.state ~= 'open' or c.held > 0 or c.fen < amount) then return { 'MISMATCH', 'case' } end
if not late then c.held = c.held - amount end
cases.gone(c, KEYS.case, KEYS.tot, ledger.account(KEYS.house), KEYS.house_entries, ARGV.refund_no, amount, ARGV.now)
redis.call('HSET', KEYS.refund, 'state', 'settled', 'channel_no', ARGV.channel_no, 'made', ARGV.at, 'done', ARGV.now, 'flag', late and 'late' or '')
redis.call('ZREM', KEYS.rfdue, ARGV.refund_no)
return { late and 'LATE' or 'SETTLED' }
