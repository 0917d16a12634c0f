-- refund_hold: binds pending money to a refund before its channel hears of it.
-- include idem ledger refunds
-- KEYS account order refund entries tot rfdue idem epoch count
-- ARGV refund_no order_no account_no amount request idem_key fingerprint now due by why frozen
--     most_refunds
-- REPLY HELD no | SAME no | IDEM_CONFLICT | EXISTS | NO_ORDER | NOT_PAID state | FROZEN | DOUBT
--     mark | RECOVERY since | LIMIT_ORDER left | LIMIT_PENDING left | LIMIT_COUNT most | RETRY
--   idem: idempotency key (equal to
--   refund: if none is used)
--   request: request to the channel (JSON)
--   idem_key: idempotency key or ''
--   due: first due
--   by: who asks
--   frozen: '1' if a freeze is no obstacle
--   most_refunds: most refunds of an order
--   SAME: idempotency key seen
--   DOUBT: of a card of the account
-- Invariants: of an order never more is under way or refunded than was paid,
-- and of an account never more than is pending; a refund is in rfdue as long
-- as the channel may still make it; what may be on the card already is not
-- given back.
local answer = idem.answer(KEYS.idem, ARGV.fingerprint, ARGV.idem_key, KEYS.account)
if answer then return answer end
local o = ledger.hash(KEYS.order)
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV.account_no then return { 'RETRY' } end
if o.state ~= 'credited' then return { 'NOT_PAID', o.state } end
if redis.call('EXISTS', KEYS.refund) == 1 then return { 'EXISTS' } end
local a, amount = ledger.account(KEYS.account), tonumber(ARGV.amount)
if a.doubt ~= '' then return { 'DOUBT', string.match(a.doubt, '=([A-Z_]+)') } end
local recovery = redis.call('HGET', KEYS.epoch, 'recovery')
if recovery and recovery ~= '' then return { 'RECOVERY', recovery } end
if a.freeze ~= '' and ARGV.frozen ~= '1' then return { 'FROZEN' } end
local left = tonumber(o.amount) - tonumber(o.refunded) - tonumber(o.refunding)
if amount <= 0 or amount > left then return { 'LIMIT_ORDER', ledger.text(math.max(0, left)) } end
if amount > a.pending then return { 'LIMIT_PENDING', ledger.text(math.max(0, a.pending)) } end
local _, many = string.gsub(o.refunds or '', '%S+', '')
if many >= tonumber(ARGV.most_refunds) then return { 'LIMIT_COUNT', ARGV.most_refunds } end

a.pending, a.refund_held = a.pending - amount, a.refund_held + amount
ledger.enter(a, KEYS.entries, 'refund_hold', ARGV.refund_no, amount, ARGV.now)
ledger.save(a)
ledger.post(KEYS.tot, { pending = amount, refund_held = -amount })
redis.call('HSET', KEYS.order, 'refunding', refunds.add(o.refunding, amount), 'refunds', refunds.among(o.refunds, ARGV.refund_no))
redis.call('HSET', KEYS.refund, 'order', ARGV.order_no, 'amount', ARGV.amount, 'state', 'held', 'source', 'ours', 'at', ARGV.now,
  'account', ARGV.account_no, 'channel', o.channel, 'merchant', o.merchant or '', 'request', ARGV.request, 'by', ARGV.by, 'why', ARGV.why, 'queries', '0')
redis.call('ZADD', KEYS.rfdue, ARGV.due, ARGV.refund_no)
if ARGV.idem_key ~= '' then
  idem.store(KEYS.idem, ARGV.fingerprint, ARGV.refund_no)
  redis.call('HSET', KEYS.refund, 'idem', ARGV.idem_key .. ' ' .. ARGV.fingerprint)
end
return { 'HELD', ARGV.refund_no }
