-- order_restate: makes an order one of what was really paid for it, on people's
-- word about a case of another amount.
-- KEYS 1 account  2 order  3 case
-- ARGV 1 order  2 account  3 amount  4 case
-- Replies: docs/keys.md.
-- Invariants: only for an open case, and never once the order is credited; what
-- was reserved of the quota is freed as it was reserved.
local o = hash(KEYS[2])
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV[2] then return { 'RETRY' } end
if redis.call('HGET', KEYS[3], 's:' .. ARGV[4]) ~= 'open' then return { 'ENDED' } end
if o.state == 'credited' then return { 'CREDITED' } end
redis.call('HSET', KEYS[2], 'amount', ARGV[3], 'asked', o.asked or o.amount, 'restated', ARGV[4])
-- The open order is given again to who wants the same amount; this one has another now.
served(KEYS[1], redis.call('HGET', KEYS[1], 'open') or '', ARGV[1])
return { 'RESTATED' }
