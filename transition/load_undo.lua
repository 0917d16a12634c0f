-- load_undo: takes back what two people decided about a load, by a counter-entry:
-- it is in doubt again, or in suspense, as it was.
-- KEYS 1 account  2 entries  3 tot  4 card  5 load  6 claim  7 doubt  8 case
-- ARGV 1 load  2 who  3 and who else  4 why  5 now
-- Replies: docs/keys.md.
-- Invariants: only people's decisions are taken back, and only while nothing has
-- been built on them; what was spent of the money meanwhile is owed.
local load, card = hash(KEYS[5]), hash(KEYS[4])
local now, amount, case = ARGV[5], tonumber(load.amount), 'load:' .. ARGV[1]
if not load.state then return { 'NO_LOAD' } end
if open(load) and not load.undone then return { 'EVIDENCE', load.state } end
if open(load) then
  redis.call('HINCRBY', KEYS[5], 'dup', '1')
  return { 'DUP', load.state }
end
if not load.decided or load.proven or load.state == 'FORCED' then return { 'EVIDENCE', load.state } end
local a = account(KEYS[1])
local undone = { 'undone', load.decided, 'by', ARGV[2], 'second', ARGV[3], 'why', ARGV[4], 'evidence',
  table.concat({ 'undone', ARGV[2], ARGV[3], '-', '-', '-', now }, ' ') }

-- The counter's step was used up when the money went into suspense, and still is.
if load.from == 'SUSPENDED' then
  if load.state == 'CONFIRMED' then
    enter(a, KEYS[2], 'load_unfound', ARGV[1], amount, now)
    post(KEYS[3], { loaded = amount, suspense = -amount })
    redis.call('HINCRBY', KEYS[4], 'loads', '-1')
  else
    local taken = give(a, amount)
    enter(a, KEYS[2], 'load_unreturn', ARGV[1], amount, now)
    post(KEYS[3], { pending = taken, clawback = amount - taken, suspense = -amount })
  end
  save(a)
  redis.call('HSET', KEYS[5], 'state', 'SUSPENDED', unpack(undone))
  redis.call('HSET', KEYS[5], 'decided', 'suspend')
  redis.call('HDEL', KEYS[5], 'from')
  redis.call('HSET', KEYS[8], 'f:' .. case, load.amount, 's:' .. case, 'open', 'd:' .. case, '')
  return { 'UNDONE', load.state }
end

-- A desk has written it, or a tap has shown it.
if card.mended == ARGV[1] or load.state ~= 'CANCELLED' and card.shown == text(tonumber(load.L0) + 1) then
  return { 'MOVED', card.L }
end
if (card.open or '') ~= '' then return { 'BUSY', card.open } end
if card.version ~= load.version or card.L ~= load.to then return { 'MOVED', card.L or '' } end
local claim = redis.call('GET', KEYS[6])
if load.state == 'CANCELLED' and claim and claim ~= 'outside' then return { 'MOVED', card.L } end
if load.state == 'SUSPENDED' and redis.call('HGET', KEYS[8], 'f:' .. case) ~= load.amount then return { 'MOVED', card.L } end
local k = { card = KEYS[4] }
if load.state == 'CANCELLED' then
  local taken = give(a, amount)
  a.load_held = a.load_held + amount
  enter(a, KEYS[2], 'uncancel', ARGV[1], amount, now)
  post(KEYS[3], { pending = taken, clawback = amount - taken, load_held = -amount })
else
  a.load_held = a.load_held + amount
  if load.state == 'CONFIRMED' then
    enter(a, KEYS[2], 'unconfirm', ARGV[1], amount, now)
    post(KEYS[3], { loaded = amount, load_held = -amount })
    redis.call('HINCRBY', KEYS[4], 'loads', '-1')
  else
    enter(a, KEYS[2], 'load_unsuspend', ARGV[1], amount, now)
    post(KEYS[3], { suspense = amount, load_held = -amount })
    redis.call('HSET', KEYS[8], 'f:' .. case, '0')
  end
  redis.call('DEL', KEYS[6])
end
-- What the decision had paid for may be on the card again.
if load.settled then unsettled(a, k, card, load.card_uid, load.version, load.L0) end
save(a)
-- A card in conflict is in conflict again, and what it shall hold is open.
redis.call('HDEL', KEYS[4], 'repair', 'desk')
redis.call('HSET', KEYS[5], 'state', card.mark == 'CONFLICT' and 'CONFLICT' or 'IN_DOUBT', 'live', load.was, unpack(undone))
redis.call('HDEL', KEYS[5], 'decided', 'confirmed', 'settled')
redis.call('HSET', KEYS[4], 'open', ARGV[1], 'open_l0', load.L0, 'L', load.at)
redis.call('ZADD', KEYS[7], load.deadline, ARGV[1])
return { 'UNDONE', load.state }
