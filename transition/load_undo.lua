-- load_undo: takes back what two people decided about a load, by a counter-entry: load,
-- card and account stand again as they stood before.
-- include cash ledger loads marks stand
-- KEYS account entries tot card load claim doubt case count
-- ARGV load_no by second why now
-- REPLY UNDONE from | DUP state | NO_LOAD | EVIDENCE state | BUSY load | MOVED L
--   second: and who else
-- Invariants: only people's decisions are taken back, and only while nothing came after
-- them; what was spent of the money meanwhile is owed.
local load, card = ledger.hash(KEYS.load), ledger.hash(KEYS.card)
local now, case = ARGV.now, 'load:' .. ARGV.load_no
if not load.state then return { 'NO_LOAD' } end
if load.undone and loads.open(load) then
  redis.call('HINCRBY', KEYS.load, 'dup', '1')
  return { 'DUP', load.state }
end
if not load.decided or load.proven or load.state == 'FORCED' then return { 'EVIDENCE', load.state } end
if (card.open or '') ~= '' then return { 'BUSY', card.open } end
local bound = load.from ~= 'SUSPENDED' -- it was bound, and is again
local again = bound and '' or '2'
local a, amount = ledger.account(KEYS.account), tonumber(load.amount)
local held = redis.call('HGET', KEYS.case, 'f:' .. case) or '0'
if not stand.untouched(stand.stands(a, KEYS.card, load.card_uid, KEYS.claim), load['after' .. again])
  or held ~= (load.state == 'SUSPENDED' and load.amount or '0') then
  return { 'MOVED', card.L or '' }
end
local k = { entries = KEYS.entries, card = KEYS.card, claim = KEYS.claim }
local kind
if bound then a.load_held = a.load_held + amount end
if load.state == 'CANCELLED' then
  local taken = ledger.give(a, amount)
  kind = bound and 'uncancel' or 'load_unreturn'
  ledger.post(KEYS.tot, { pending = taken, clawback = amount - taken })
elseif load.state == 'CONFIRMED' then
  kind = bound and 'unconfirm' or 'load_unfound'
  ledger.post(KEYS.tot, { loaded = amount })
  redis.call('HINCRBY', KEYS.card, 'loads', '-1')
else
  kind = 'load_unsuspend'
  ledger.post(KEYS.tot, { suspense = amount })
end
ledger.enter(a, KEYS.entries, kind, ARGV.load_no, amount, now)
if bound then ledger.post(KEYS.tot, { load_held = -amount }) else ledger.post(KEYS.tot, { suspense = -amount }) end
ledger.save(a)
stand.restore(a, k, load.card_uid, load['before' .. again], now)
marks.contested(a, k, ledger.hash(KEYS.card), load.card_uid, load.version, load.L0, load.L0)
redis.call('HSET', KEYS.load, 'state', bound and load.was or 'SUSPENDED', 'undone', load.decided, 'by', ARGV.by, 'second', ARGV.second,
  'why', ARGV.why, 'evidence', table.concat({ 'undone', ARGV.by, ARGV.second, '-', '-', '-', now }, ' '))
redis.call('HDEL', KEYS.load, 'case' .. again, 'before' .. again, 'after' .. again)
if bound then
  redis.call('HSET', KEYS.load, 'live', load.tries)
  redis.call('HDEL', KEYS.load, 'decided', 'confirmed')
else
  redis.call('HSET', KEYS.load, 'decided', 'suspend')
  redis.call('HDEL', KEYS.load, 'from')
end
if load.state == 'SUSPENDED' or not bound then redis.call('HSET', KEYS.case, 'f:' .. case, bound and '0' or load.amount) end
local was = load['case' .. again]
if was ~= '' then redis.call('HSET', KEYS.case, 's:' .. case, was, 'd:' .. case, '') end
if bound then
  -- Cash that was told of meanwhile counts as well.
  cash.recount(KEYS.load, load, card)
  redis.call('ZADD', KEYS.doubt, load.deadline, ARGV.load_no)
end
return { 'UNDONE', load.state }
