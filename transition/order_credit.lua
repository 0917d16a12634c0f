-- order_credit: the one way in which paid money becomes a holder's money.
-- KEYS 1 account  2 order  3 entries  4 tot  5 due  6 day  7 case
--      8 house account  9 house entries  10… one refund record each
-- ARGV 1 order  2 account  3 channel  4 transaction  5 amount  6 payer kind or ''
--      7 payer  8 source  9 success time  10 now  11 merchant
--      12… refund, amount, time each
-- Replies: docs/keys.md.
-- Invariants: an order is credited at most once, whatever comes and however
-- often; a repeat gets the stored first result and only counts itself. Refunds
-- that the channel named are booked with the credit, and arrears are paid from
-- the net. A case that held this very payment gives it back in the same step.
local o = hash(KEYS[2])
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV[2] then return { 'RETRY' } end
if o.channel ~= ARGV[3] then return { 'MISMATCH', 'channel' } end
if o.merchant ~= ARGV[11] then return { 'MISMATCH', 'merchant' } end
if o.state == 'credited' and o.txn ~= ARGV[4] then return { 'OTHER_TXN', o.txn } end
local case = case_read(KEYS[7], ARGV[3] .. ':' .. ARGV[4])
-- What people decided about this payment stands, whatever is told later.
local decided = case.decision == 'refunded' or case.decision == 'disowned'
if o.state ~= 'credited' and decided then return { 'DECIDED', case.decision } end
if o.amount ~= ARGV[5] then return { 'MISMATCH', 'amount' } end
if o.state == 'credited' then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { 'DUP', o.r_seq, o.r_net, o.r_pending, o.r_arrears, o.r_clawback, o.credited, o.flag or '' }
end
if case.held > 0 then return { 'REFUNDING' } end
local a = account(KEYS[1])
if a.status ~= 'open' then return { 'CLOSED_ACCOUNT' } end
local open = case.state == 'open'
-- Refunds of the payment while it was in suspense are in the books already.
local suspended = open and case.back or 0
local amount, back, seen, fresh = tonumber(ARGV[5]), suspended, {}, {}
for i = 10, #KEYS - 1 do
  local at = 12 + (i - 10) * 3
  local known = redis.call('HMGET', KEYS[i], 'state', 'case', 'amount')
  if known[1] and not (open and known[2] == case.id) then return { 'REFUND_KNOWN', ARGV[at] } end
  local one = tonumber(ARGV[at + 1])
  if one <= 0 or seen[ARGV[at]] or (known[1] and known[3] ~= ARGV[at + 1]) then return { 'MISMATCH', 'refunds' } end
  seen[ARGV[at]] = true
  if not known[1] then
    fresh[#fresh + 1], back = i, back + one
  end
end
if back > amount then return { 'MISMATCH', 'refunds' } end
if back < tonumber(o.told or '0') then return { 'REFUNDS_UNKNOWN' } end
-- A notice from before a refund says nothing of it; the hub knows better.
if open and (back < case.told or (case.kind == 'refunds_unknown' and back == 0)) then return { 'REFUNDS_UNKNOWN' } end
local held = open and case.fen or 0
local house = account(KEYS[8])
local net = amount - back
local before = { clawback = a.clawback, arrears = a.arrears }
local claw, owed, rest = receive(a, net)
if a.pending > CAP then return { 'MISMATCH', 'balance' } end
local flag = ''
if o.state == 'closed' then flag = 'late' end
if ARGV[6] ~= '' and ARGV[6] == o.payer_kind and ARGV[7] ~= o.payer then
  flag = flag == '' and 'other_payer' or flag .. ',other_payer'
end

if held > 0 then
  enter(house, KEYS[9], 'unsuspend', case.id, held, ARGV[10])
  save(house)
  post(KEYS[4], { paid = -held, suspense = held })
end
if open then
  redis.call('HSET', KEYS[7], 's:' .. case.id, 'closed', 'f:' .. case.id, '0')
end
-- The entries before the credit show the balances before it.
local after = { clawback = a.clawback, arrears = a.arrears, pending = a.pending }
a.clawback, a.arrears, a.pending = before.clawback, before.arrears, a.pending - rest
local refunds = { suspended > 0 and case.refunds or nil }
for _, i in ipairs(fresh) do
  local at = 12 + (i - 10) * 3
  enter(a, KEYS[3], 'netted', ARGV[at], tonumber(ARGV[at + 1]), ARGV[10])
  redis.call('HSET', KEYS[i], 'order', ARGV[1], 'amount', ARGV[at + 1], 'state', 'settled', 'source', 'external',
    'at', ARGV[at + 2])
  refunds[#refunds + 1] = ARGV[at]
end
a.clawback, a.arrears, a.pending = after.clawback, after.arrears, after.pending
enter(a, KEYS[3], 'credit', ARGV[1], net, ARGV[10])
save(a)
post(KEYS[4], { paid = amount - suspended, refunded = suspended - back, clawback = -claw, arrears_paid = -owed, pending = -rest })
served(KEYS[1], a.open, ARGV[1])
redis.call('HSET', KEYS[2], 'state', 'credited', 'txn', ARGV[4], 'paid_at', ARGV[9], 'credited', ARGV[10],
  'source', ARGV[8], 'refunded', text(back), 'flag', flag, 'r_seq', text(a.seq), 'r_net', text(net),
  'r_pending', text(rest), 'r_arrears', text(owed), 'r_clawback', text(claw))
if #refunds > 0 then
  redis.call('HSET', KEYS[2], 'refunds', table.concat(refunds, ' '))
end
redis.call('ZREM', KEYS[5], ARGV[1])
redis.call('ZADD', KEYS[6], ARGV[9], ARGV[1])
return { 'CREDITED', text(a.seq), text(net), text(rest), text(owed), text(claw), ARGV[10], flag }
