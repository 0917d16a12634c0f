-- order_create: makes a recharge order, or gives back the one that already
-- serves the same wish. Nothing is paid here; the quota of the day is reserved.
-- KEYS 1 account  2 order  3 due  4 idempotency key (equal to 2 if none is used)
-- ARGV 1 order  2 channel  3 amount  4 payer kind  5 payer  6 request (JSON)
--      7 idempotency key or ''  8 fingerprint  9 now  10 expires  11 first due
--      12 quota day  13 cap of an order  14 cap of a day  15 cap of the balance
--      16 account  17 the day after the quota day  18 merchant
--      19 how many orders of the account may be unpaid at once
-- Replies: docs/keys.md.
-- Invariants: one order a number, one order an idempotency key; an order is in
-- due as long as the channel may still be paid for it.
local key, now, amount = ARGV[7], tonumber(ARGV[9]), tonumber(ARGV[3])
local answer = idem_answer(KEYS[4], ARGV[8], key, KEYS[1])
if answer then return answer end
local a = account(KEYS[1])
if not a.status then return { 'NO_ACCOUNT' } end
if a.status ~= 'open' then return { 'CLOSED' } end
if amount <= 0 then return { 'LIMIT_ORDER', ARGV[13] } end
-- An order of another merchant cannot be paid at this one.
local open = unpaid(a.open, now)
for _, tuple in ipairs(open) do
  local o_no, o_channel, o_amount, o_payer, o_merchant = string.match(tuple, '^(%S+) (%S+) (%S+) (%S+) %S+ (%S*)$')
  if o_channel == ARGV[2] and o_merchant == ARGV[18] and o_amount == ARGV[3] and o_payer == ARGV[5] then
    if key ~= '' then idem_store(KEYS[4], ARGV[8], o_no) end
    idem_count(KEYS[1])
    return { 'OPEN', o_no }
  end
end
if redis.call('EXISTS', KEYS[2]) == 1 then return { 'EXISTS' } end
if #open >= tonumber(ARGV[19]) then
  local first = math.huge
  for _, tuple in ipairs(open) do first = math.min(first, tonumber(string.match(tuple, '^%S+ %S+ %S+ %S+ (%S+)'))) end
  return { 'LIMIT_UNPAID', text(first) }
end
if amount > tonumber(ARGV[13]) then return { 'LIMIT_ORDER', ARGV[13] } end
-- Two hubs' clocks may differ at midnight: the later day counts, but none beyond
-- tomorrow, which a clock that was wrong has left.
local day, used = ARGV[12], 0
if a.q_day >= day and a.q_day <= ARGV[17] then day, used = a.q_day, a.q_fen end
if used + amount > tonumber(ARGV[14]) then return { 'LIMIT_DAY', text(math.max(0, tonumber(ARGV[14]) - used)) } end
local held = a.pending + a.load_held
if held + amount > tonumber(ARGV[15]) then return { 'LIMIT_BALANCE', text(math.max(0, tonumber(ARGV[15]) - held)) } end

open[#open + 1] = table.concat({ ARGV[1], ARGV[2], ARGV[3], ARGV[5], ARGV[10], ARGV[18] }, ' ')
redis.call('HSET', KEYS[2], 'state', 'created', 'amount', ARGV[3], 'refunded', '0', 'refunding', '0',
  'account', ARGV[16], 'channel', ARGV[2], 'merchant', ARGV[18], 'payer_kind', ARGV[4], 'payer', ARGV[5], 'request', ARGV[6],
  'created', ARGV[9], 'expires', ARGV[10], 'q_day', day, 'queries', '0', 'dup', '0')
redis.call('ZADD', KEYS[3], ARGV[11], ARGV[1])
redis.call('HSET', KEYS[1], 'q_day', day, 'q_fen', text(used + amount),
  'open', table.concat(open, ';'))
if key ~= '' then
  idem_store(KEYS[4], ARGV[8], ARGV[1])
  redis.call('HSET', KEYS[2], 'idem', key .. ' ' .. ARGV[8])
end
return { 'CREATED', ARGV[1] }
