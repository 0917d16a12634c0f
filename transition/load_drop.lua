-- load_drop: a terminal dropped an authorisation that it never began to write (load
-- protocol, rule 6). An abort ends that attempt. A re-reading in the presence that
-- the authorisation came for, which shows the card unchanged, ends the attempts
-- before it as well: their presences are over.
-- KEYS 1 account  2 entries  3 tot  4 card  5 load (6 if none)  6 tap
--      7 nonce (6 if none)  8 doubt
-- ARGV 1 load or ''  2 terminal  3 tap  4 now  5 life of the nonce in ms
--      6 '1' if the card was read again, and is as the authorisation has it
--      7 account  8 card uid
-- Replies: docs/keys.md.
-- Invariants: a dead attempt never lives again; money comes back only when every
-- attempt is dead and none is said to have written.
local now, who = ARGV[4], ARGV[2] .. ':' .. ARGV[3]
if KEYS[7] ~= KEYS[6] and redis.call('EXISTS', KEYS[7]) == 1 then return { 'REPLAY' } end
local tap, load = hash(KEYS[6]), {}
if tap.load and tap.load ~= ARGV[1] then return { 'RETRY' } end
if ARGV[1] ~= '' then load = hash(KEYS[5]) end
-- A tap's load is its own card's; another card's name moves nothing.
if load.state and (load.account ~= ARGV[7] or load.card_uid ~= ARGV[8]) then return { 'OTHER_LOAD' } end
if KEYS[7] ~= KEYS[6] then redis.call('SET', KEYS[7], '1', 'PX', ARGV[5]) end
redis.call('HINCRBY', KEYS[6], 'dup', '1')
if not load.state or not tap.n then
  -- Not seen yet, or lost: whatever still arrives of this tap finds it dead.
  redis.call('HSET', KEYS[6], 'dead', '1')
  return { 'DROPPED', load.state or '' }
end
-- A write was begun: only the card knows.
if live({ live = load.begun }, tap.n, who) then return { 'BEGUN', load.state } end
redis.call('HSET', KEYS[6], 'dead', '1')
if not open(load) or not live(load, tap.n, who) then return { 'DROPPED', load.state } end
local left = {}
for one in string.gmatch(load.live, '[^,]+') do
  local n = tonumber(string.match(one, '^%d+'))
  local gone = one == tap.n .. '=' .. who or ARGV[6] == '1' and n < tonumber(tap.n)
  if not gone then left[#left + 1] = one end
end
local evidence = table.concat({ ARGV[6] == '1' and 'reread' or 'abort', ARGV[2], ARGV[3], '-', '-', '-', now }, ' ')
-- A counter that has moved on says more than a terminal, unless others move it too.
local moved = load.stepped and load.profile ~= 'shared'
if #left == 0 and (load.state == 'HELD' or load.state == 'IN_DOUBT') and not moved then
  local a = account(KEYS[1])
  cancel(a, { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], doubt = KEYS[8] }, ARGV[1], load, evidence, now)
  return { 'DROPPED', 'CANCELLED' }
end
redis.call('HSET', KEYS[5], 'live', table.concat(left, ','), 'evidence', evidence)
return { 'DROPPED', load.state }
