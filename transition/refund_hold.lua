-- refund_hold: binds pending money to a refund before its channel hears of it.
-- KEYS 1 account  2 order  3 refund  4 entries  5 tot  6 rfdue
--      7 idempotency key (equal to 3 if none is used)  8 epoch
-- ARGV 1 refund  2 order  3 account  4 amount  5 request to the channel (JSON)
--      6 idempotency key or ''  7 fingerprint  8 now  9 first due  10 who asks
--      11 why  12 '1' if a freeze is no obstacle  13 most refunds of an order
-- Replies: docs/keys.md.
-- Invariants: of an order never more is under way or refunded than was paid,
-- and of an account never more than is pending; a refund is in rfdue as long
-- as the channel may still make it; what may be on the card already is not
-- given back.
local answer = idem_answer(KEYS[7], ARGV[7], ARGV[6], KEYS[1])
if answer then return answer end
local o = hash(KEYS[2])
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV[3] then return { 'RETRY' } end
if o.state ~= 'credited' then return { 'NOT_PAID', o.state } end
if redis.call('EXISTS', KEYS[3]) == 1 then return { 'EXISTS' } end
local a, amount = account(KEYS[1]), tonumber(ARGV[4])
if a.doubt ~= '' then return { 'DOUBT', string.match(a.doubt, '=([A-Z_]+)') } end
local recovery = redis.call('HGET', KEYS[8], 'recovery')
if recovery and recovery ~= '' then return { 'RECOVERY', recovery } end
if a.freeze ~= '' and ARGV[12] ~= '1' then return { 'FROZEN' } end
local left = tonumber(o.amount) - tonumber(o.refunded) - tonumber(o.refunding)
if amount <= 0 or amount > left then return { 'LIMIT_ORDER', text(math.max(0, left)) } end
if amount > a.pending then return { 'LIMIT_PENDING', text(math.max(0, a.pending)) } end
local _, many = string.gsub(o.refunds or '', '%S+', '')
if many >= tonumber(ARGV[13]) then return { 'LIMIT_COUNT', ARGV[13] } end

a.pending, a.refund_held = a.pending - amount, a.refund_held + amount
enter(a, KEYS[4], 'refund_hold', ARGV[1], amount, ARGV[8])
save(a)
post(KEYS[5], { pending = amount, refund_held = -amount })
redis.call('HSET', KEYS[2], 'refunding', add(o.refunding, amount), 'refunds', among(o.refunds, ARGV[1]))
redis.call('HSET', KEYS[3], 'order', ARGV[2], 'amount', ARGV[4], 'state', 'held', 'source', 'ours', 'at', ARGV[8],
  'account', ARGV[3], 'channel', o.channel, 'merchant', o.merchant or '', 'request', ARGV[5], 'by', ARGV[10], 'why', ARGV[11], 'queries', '0')
redis.call('ZADD', KEYS[6], ARGV[9], ARGV[1])
if ARGV[6] ~= '' then
  idem_store(KEYS[7], ARGV[7], ARGV[1])
  redis.call('HSET', KEYS[3], 'idem', ARGV[6] .. ' ' .. ARGV[7])
end
return { 'HELD', ARGV[1] }
