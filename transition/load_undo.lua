-- load_undo: takes back what two people decided about a load, by a counter-entry: load,
-- card and account stand again as they stood before.
-- KEYS 1 account  2 entries  3 tot  4 card  5 load  6 claim  7 doubt  8 case
-- ARGV 1 load  2 who  3 and who else  4 why  5 now
-- Replies: docs/keys.md.
-- Invariants: only people's decisions are taken back, and only while nothing came after
-- them; what was spent of the money meanwhile is owed.
local load, card = hash(KEYS[5]), hash(KEYS[4])
local now, case = ARGV[5], 'load:' .. ARGV[1]
if not load.state then return { 'NO_LOAD' } end
if load.undone and open(load) then
  redis.call('HINCRBY', KEYS[5], 'dup', '1')
  return { 'DUP', load.state }
end
if not load.decided or load.proven or load.state == 'FORCED' then return { 'EVIDENCE', load.state } end
if (card.open or '') ~= '' then return { 'BUSY', card.open } end
local bound = load.from ~= 'SUSPENDED' -- it was bound, and is again
local again = bound and '' or '2'
local a, amount = account(KEYS[1]), tonumber(load.amount)
local held = redis.call('HGET', KEYS[8], 'f:' .. case) or '0'
if not untouched(stands(a, KEYS[4], load.card_uid, KEYS[6]), load['after' .. again])
  or held ~= (load.state == 'SUSPENDED' and load.amount or '0') then
  return { 'MOVED', card.L or '' }
end
local k = { entries = KEYS[2], card = KEYS[4], claim = KEYS[6] }
local kind
if bound then a.load_held = a.load_held + amount end
if load.state == 'CANCELLED' then
  local taken = give(a, amount)
  kind = bound and 'uncancel' or 'load_unreturn'
  post(KEYS[3], { pending = taken, clawback = amount - taken })
elseif load.state == 'CONFIRMED' then
  kind = bound and 'unconfirm' or 'load_unfound'
  post(KEYS[3], { loaded = amount })
  redis.call('HINCRBY', KEYS[4], 'loads', '-1')
else
  kind = 'load_unsuspend'
  post(KEYS[3], { suspense = amount })
end
enter(a, KEYS[2], kind, ARGV[1], amount, now)
if bound then post(KEYS[3], { load_held = -amount }) else post(KEYS[3], { suspense = -amount }) end
save(a)
restore(a, k, load.card_uid, load['before' .. again], now)
contested(a, k, hash(KEYS[4]), load.card_uid, load.version, load.L0, load.L0)
redis.call('HSET', KEYS[5], 'state', bound and load.was or 'SUSPENDED', 'undone', load.decided, 'by', ARGV[2], 'second', ARGV[3],
  'why', ARGV[4], 'evidence', table.concat({ 'undone', ARGV[2], ARGV[3], '-', '-', '-', now }, ' '))
redis.call('HDEL', KEYS[5], 'case' .. again, 'before' .. again, 'after' .. again)
if bound then
  redis.call('HSET', KEYS[5], 'live', load.tries)
  redis.call('HDEL', KEYS[5], 'decided', 'confirmed')
else
  redis.call('HSET', KEYS[5], 'decided', 'suspend')
  redis.call('HDEL', KEYS[5], 'from')
end
if load.state == 'SUSPENDED' or not bound then redis.call('HSET', KEYS[8], 'f:' .. case, bound and '0' or load.amount) end
local was = load['case' .. again]
if was ~= '' then redis.call('HSET', KEYS[8], 's:' .. case, was, 'd:' .. case, '') end
if bound then
  -- Cash that was told of meanwhile counts as well.
  recount(KEYS[5], load, card)
  redis.call('ZADD', KEYS[7], load.deadline, ARGV[1])
end
return { 'UNDONE', load.state }
