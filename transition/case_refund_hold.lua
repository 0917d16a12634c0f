-- case_refund_hold: binds money in suspense to a refund before its channel hears
-- of it. The money stays in suspense until the channel has made the refund.
-- KEYS 1 case  2 refund  3 rfdue
-- ARGV 1 id  2 refund  3 amount  4 channel  5 order as the channel knows it
--      6 request to the channel (JSON)  7 who asks  8 why  9 now  10 first due
--      11 merchant
-- Replies: docs/keys.md.
-- Invariants: of a case never more is under way than it holds; while a refund is
-- under way nothing else becomes of the case.
local c = case_read(KEYS[1], ARGV[1])
if not c.state then return { 'NO_CASE' } end
if c.state ~= 'open' then return { 'ENDED', c.decision } end
-- A load's money is no payment's: two people send it back to its account, or to the card.
if string.sub(c.id, 1, 5) == 'load:' then return { 'LIMIT', '0' } end
if c.held > 0 then
  redis.call('HINCRBY', KEYS[1], 'n:' .. c.id, '1')
  return { 'SAME', string.match(c.refunds, '(%S+)$') }
end
local amount = tonumber(ARGV[3])
if amount <= 0 or amount > c.fen then return { 'LIMIT', text(c.fen) } end
if redis.call('EXISTS', KEYS[2]) == 1 then return { 'EXISTS' } end
redis.call('HSET', KEYS[1], 'h:' .. c.id, ARGV[3])
case_lists(c, KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'order', ARGV[5], 'case', c.id, 'amount', ARGV[3], 'state', 'held', 'source', 'ours', 'at', ARGV[9],
  'account', '', 'channel', ARGV[4], 'merchant', ARGV[11], 'request', ARGV[6], 'by', ARGV[7], 'why', ARGV[8], 'queries', '0')
redis.call('ZADD', KEYS[3], ARGV[10], ARGV[2])
return { 'HELD', ARGV[2] }
