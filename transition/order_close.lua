-- order_close: ends an unpaid order on the channel's proof. A payment that
-- still arrives is credited all the same.
-- KEYS 1 account  2 order  3 due
-- ARGV 1 order  2 now  3 the merchant whose word it is
-- Replies: docs/keys.md.
-- Invariants: a credited order is never closed, nor any on the word of a
-- merchant that did not make it; the quota is freed once, and
-- only on the day for which it was reserved.
local o = hash(KEYS[2])
if not o.state then return { 'NO_ORDER' } end
if o.merchant ~= ARGV[3] then return { 'OTHER_MERCHANT', o.merchant or '' } end
if o.state == 'credited' then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { 'CREDITED' }
end
if o.state == 'closed' then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { 'DUP' }
end
local a = account(KEYS[1])
redis.call('HSET', KEYS[2], 'state', 'closed', 'closed', ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[1])
served(KEYS[1], a.open, ARGV[1])
if a.q_day == o.q_day then
  redis.call('HSET', KEYS[1], 'q_fen', text(math.max(0, a.q_fen - tonumber(o.asked or o.amount))))
end
return { 'CLOSED' }
