-- case_refund_ext: the channel has given back money in suspense that the hub did
-- not ask for: in the merchant's console, or a chargeback.
-- KEYS 1 case  2 refund  3 tot  4 house account  5 house entries
-- ARGV 1 id  2 refund  3 order as the channel knows it  4 amount
--      5 the channel's number of it  6 its time  7 now  8 how it was learned
--      9 channel
-- Replies: docs/keys.md.
-- Invariant: a refund's number is booked once, whoever tells of it.
local r = redis.call('HMGET', KEYS[2], 'state', 'amount')
if r[1] and r[2] ~= ARGV[4] then return { 'MISMATCH', 'refund' } end
if r[1] then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { 'DUP' }
end
local c, amount = case_read(KEYS[1], ARGV[1]), tonumber(ARGV[4])
if not c.state then return { 'NO_CASE' } end
if c.state ~= 'open' then return { 'ENDED', c.decision } end
if amount <= 0 or amount > c.fen - c.held then return { 'MISMATCH', 'amount' } end
case_gone(c, KEYS[1], KEYS[3], account(KEYS[4]), KEYS[5], ARGV[2], amount, ARGV[7])
case_lists(c, KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'order', ARGV[3], 'case', c.id, 'amount', ARGV[4], 'state', 'settled', 'source', 'external', 'at', ARGV[6],
  'account', '', 'channel', ARGV[9], 'channel_no', ARGV[5], 'done', ARGV[7], 'learned', ARGV[8])
return { 'BOOKED', text(c.fen) }
