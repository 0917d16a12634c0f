-- order_create: makes a recharge order, or gives back the one that already
-- serves the same wish. Nothing is paid here; the quota of the day is reserved.
-- include idem ledger unpaid
-- KEYS account order due idem
-- ARGV order_no channel amount payer_kind payer request idem_key fingerprint now expires first_due
--     day most_order most_day most_balance account_no next_day merchant most_unpaid
-- REPLY CREATED order | OPEN order | SAME order | IDEM_CONFLICT | EXISTS | NO_ACCOUNT | CLOSED |
--     LIMIT_ORDER cap | LIMIT_DAY left | LIMIT_BALANCE left | LIMIT_UNPAID until
--   idem: idempotency key (equal to
--   order: if none is used)
--   request: request (JSON)
--   idem_key: idempotency key or ''
--   day: quota day
--   most_order: cap of an order
--   most_day: cap of a day
--   most_balance: cap of the balance
--   next_day: the day after the quota day
--   most_unpaid: how many orders of the account may be unpaid at once
--   OPEN: the open order, reused
--   SAME: idempotency key seen
-- Invariants: one order a number, one order an idempotency key; an order is in
-- due as long as the channel may still be paid for it.
local key, now, amount = ARGV.idem_key, tonumber(ARGV.now), tonumber(ARGV.amount)
local answer = idem.answer(KEYS.idem, ARGV.fingerprint, key, KEYS.account)
if answer then return answer end
local a = ledger.account(KEYS.account)
if not a.status then return { 'NO_ACCOUNT' } end
if a.status ~= 'open' then return { 'CLOSED' } end
if amount <= 0 then return { 'LIMIT_ORDER', ARGV.most_order } end
-- An order of another merchant cannot be paid at this one.
local open = unpaid.list(a.open, now)
for _, tuple in ipairs(open) do
  local o_no, o_channel, o_amount, o_payer, o_merchant = string.match(tuple, '^(%S+) (%S+) (%S+) (%S+) %S+ (%S*)$')
  if o_channel == ARGV.channel and o_merchant == ARGV.merchant and o_amount == ARGV.amount and o_payer == ARGV.payer then
    if key ~= '' then idem.store(KEYS.idem, ARGV.fingerprint, o_no) end
    idem.count(KEYS.account)
    return { 'OPEN', o_no }
  end
end
if redis.call('EXISTS', KEYS.order) == 1 then return { 'EXISTS' } end
if #open >= tonumber(ARGV.most_unpaid) then
  local first = math.huge
  for _, tuple in ipairs(open) do first = math.min(first, tonumber(string.match(tuple, '^%S+ %S+ %S+ %S+ (%S+)'))) end
  return { 'LIMIT_UNPAID', ledger.text(first) }
end
if amount > tonumber(ARGV.most_order) then return { 'LIMIT_ORDER', ARGV.most_order } end
-- Two hubs' clocks may differ at midnight: the later day counts, but none beyond
-- tomorrow, which a clock that was wrong has left.
local day, used = ARGV.day, 0
if a.q_day >= day and a.q_day <= ARGV.next_day then day, used = a.q_day, a.q_fen end
if used + amount > tonumber(ARGV.most_day) then return { 'LIMIT_DAY', ledger.text(math.max(0, tonumber(ARGV.most_day) - used)) } end
local held = a.pending + a.load_held
if held + amount > tonumber(ARGV.most_balance) then return { 'LIMIT_BALANCE', ledger.text(math.max(0, tonumber(ARGV.most_balance) - held)) } end

open[#open + 1] = table.concat({ ARGV.order_no, ARGV.channel, ARGV.amount, ARGV.payer, ARGV.expires, ARGV.merchant }, ' ')
redis.call('HSET', KEYS.order, 'state', 'created', 'amount', ARGV.amount, 'refunded', '0', 'refunding', '0',
  'account', ARGV.account_no, 'channel', ARGV.channel, 'merchant', ARGV.merchant, 'payer_kind', ARGV.payer_kind, 'payer', ARGV.payer, 'request', ARGV.request,
  'created', ARGV.now, 'expires', ARGV.expires, 'q_day', day, 'queries', '0', 'dup', '0')
redis.call('ZADD', KEYS.due, ARGV.first_due, ARGV.order_no)
redis.call('HSET', KEYS.account, 'q_day', day, 'q_fen', ledger.text(used + amount),
  'open', table.concat(open, ';'))
if key ~= '' then
  idem.store(KEYS.idem, ARGV.fingerprint, ARGV.order_no)
  redis.call('HSET', KEYS.order, 'idem', key .. ' ' .. ARGV.fingerprint)
end
return { 'CREATED', ARGV.order_no }
