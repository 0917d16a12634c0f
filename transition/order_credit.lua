-- order_credit: the one way in which paid money becomes a holder's money.
-- include cases ledger unpaid
-- KEYS account order entries tot due day case house house_entries count refunds...
-- ARGV order_no account_no channel txn amount payer_kind payer source at now merchant {refund
--     refund_fen refund_at}...
-- REPLY CREDITED, DUP seq net pending arrears clawback at
--     flag | NO_ORDER | MISMATCH field | OTHER_TXN txn | CLOSED_ACCOUNT | REFUND_KNOWN no |
--     REFUNDS_UNKNOWN | DECIDED decision | REFUNDING | RETRY
--   house: house account
--   refunds: one refund record each
--   payer_kind: payer kind or ''
--   at: success time
--   refund: refund, amount, time each
--   REFUNDING: of the payment's case
-- Invariants: an order is credited at most once, whatever comes and however
-- often; a repeat gets the stored first result and only counts itself. Refunds
-- that the channel named are booked with the credit, and arrears are paid from
-- the net. A case that held this very payment gives it back in the same step.
local o = ledger.hash(KEYS.order)
if not o.state then return { 'NO_ORDER' } end
if o.account ~= ARGV.account_no then return { 'RETRY' } end
if o.channel ~= ARGV.channel then return { 'MISMATCH', 'channel' } end
if o.merchant ~= ARGV.merchant then return { 'MISMATCH', 'merchant' } end
if o.state == 'credited' and o.txn ~= ARGV.txn then return { 'OTHER_TXN', o.txn } end
local case = cases.read(KEYS.case, ARGV.channel .. ':' .. ARGV.txn)
-- What people decided about this payment stands, whatever is told later.
local decided = case.decision == 'refunded' or case.decision == 'disowned'
if o.state ~= 'credited' and decided then return { 'DECIDED', case.decision } end
if o.amount ~= ARGV.amount then return { 'MISMATCH', 'amount' } end
if o.state == 'credited' then
  redis.call('HINCRBY', KEYS.order, 'dup', '1')
  return { 'DUP', o.r_seq, o.r_net, o.r_pending, o.r_arrears, o.r_clawback, o.credited, o.flag or '' }
end
if case.held > 0 then return { 'REFUNDING' } end
local a = ledger.account(KEYS.account)
if a.status ~= 'open' then return { 'CLOSED_ACCOUNT' } end
local open = case.state == 'open'
-- Refunds of the payment while it was in suspense are in the books already.
local suspended = open and case.back or 0
local amount, back, seen, fresh = tonumber(ARGV.amount), suspended, {}, {}
for i = 1, #KEYS.refunds do
  local known = redis.call('HMGET', KEYS.refunds[i], 'state', 'case', 'amount')
  if known[1] and not (open and known[2] == case.id) then return { 'REFUND_KNOWN', ARGV.refund[i] } end
  local one = tonumber(ARGV.refund_fen[i])
  if one <= 0 or seen[ARGV.refund[i]] or (known[1] and known[3] ~= ARGV.refund_fen[i]) then return { 'MISMATCH', 'refunds' } end
  seen[ARGV.refund[i]] = true
  if not known[1] then
    fresh[#fresh + 1], back = i, back + one
  end
end
if back > amount then return { 'MISMATCH', 'refunds' } end
if back < tonumber(o.told or '0') then return { 'REFUNDS_UNKNOWN' } end
-- A notice from before a refund says nothing of it; the hub knows better.
if open and (back < case.told or (case.kind == 'refunds_unknown' and back == 0)) then return { 'REFUNDS_UNKNOWN' } end
local held = open and case.fen or 0
local house = ledger.account(KEYS.house)
local net = amount - back
local before = { clawback = a.clawback, arrears = a.arrears }
local claw, owed, rest = ledger.receive(a, net)
if a.pending > ledger.CAP then return { 'MISMATCH', 'balance' } end
local flag = ''
if o.state == 'closed' then flag = 'late' end
if ARGV.payer_kind ~= '' and ARGV.payer_kind == o.payer_kind and ARGV.payer ~= o.payer then
  flag = flag == '' and 'other_payer' or flag .. ',other_payer'
end

if held > 0 then
  ledger.enter(house, KEYS.house_entries, 'unsuspend', case.id, held, ARGV.now)
  ledger.save(house)
  ledger.post(KEYS.tot, { paid = -held, suspense = held })
end
if open then
  redis.call('HSET', KEYS.case, 's:' .. case.id, 'closed', 'f:' .. case.id, '0')
end
-- The entries before the credit show the balances before it.
local after = { clawback = a.clawback, arrears = a.arrears, pending = a.pending }
a.clawback, a.arrears, a.pending = before.clawback, before.arrears, a.pending - rest
local refunds = { suspended > 0 and case.refunds or nil }
for _, i in ipairs(fresh) do
  ledger.enter(a, KEYS.entries, 'netted', ARGV.refund[i], tonumber(ARGV.refund_fen[i]), ARGV.now)
  redis.call('HSET', KEYS.refunds[i], 'order', ARGV.order_no, 'amount', ARGV.refund_fen[i], 'state', 'settled', 'source', 'external',
    'at', ARGV.refund_at[i])
  refunds[#refunds + 1] = ARGV.refund[i]
end
a.clawback, a.arrears, a.pending = after.clawback, after.arrears, after.pending
ledger.enter(a, KEYS.entries, 'credit', ARGV.order_no, net, ARGV.now)
ledger.save(a)
ledger.post(KEYS.tot, { paid = amount - suspended, refunded = suspended - back, clawback = -claw, arrears_paid = -owed, pending = -rest })
unpaid.served(KEYS.account, a.open, ARGV.order_no)
redis.call('HSET', KEYS.order, 'state', 'credited', 'txn', ARGV.txn, 'paid_at', ARGV.at, 'credited', ARGV.now,
  'source', ARGV.source, 'refunded', ledger.text(back), 'flag', flag, 'r_seq', ledger.text(a.seq), 'r_net', ledger.text(net),
  'r_pending', ledger.text(rest), 'r_arrears', ledger.text(owed), 'r_clawback', ledger.text(claw))
if #refunds > 0 then
  redis.call('HSET', KEYS.order, 'refunds', table.concat(refunds, ' '))
end
redis.call('ZREM', KEYS.due, ARGV.order_no)
redis.call('ZADD', KEYS.day, ARGV.at, ARGV.order_no)
return { 'CREDITED', ledger.text(a.seq), ledger.text(net), ledger.text(rest), ledger.text(owed), ledger.text(claw), ARGV.now, flag }
