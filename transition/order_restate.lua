-- order_restate: makes an order one of what was really paid for it, on people's
-- word about a case of another amount.
-- include ledger unpaid
-- KEYS account order case
-- ARGV order_no account_no amount case_id
-- REPLY RESTATED | NO_ORDER | CREDITED | ENDED | RETRY
-- Invariants: only for an open case, and never once the order is credited; what
-- was reserved of the quota is freed as it was reserved.
local o = ledger.hash(KEYS.order)
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV.account_no then return { 'RETRY' } end
if redis.call('HGET', KEYS.case, 's:' .. ARGV.case_id) ~= 'open' then return { 'ENDED' } end
if o.state == 'credited' then return { 'CREDITED' } end
redis.call('HSET', KEYS.order, 'amount', ARGV.amount, 'asked', o.asked or o.amount, 'restated', ARGV.case_id)
-- The open order is given again to who wants the same amount; this one has another now.
unpaid.served(KEYS.account, redis.call('HGET', KEYS.account, 'open') or '', ARGV.order_no)
return { 'RESTATED' }
