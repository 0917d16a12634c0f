-- load_drop: a terminal dropped an authorisation that it never began to write (load
-- protocol, rule 6). An abort ends that attempt. A re-reading in the presence that
-- the authorisation came for, which shows the card unchanged, ends the attempts
-- before it as well: their presences are over.
-- include ledger loads
-- KEYS account entries tot card load tap nonce doubt count
-- ARGV load_no terminal tap_id now nonce_ms reread account_no uid
-- REPLY DROPPED state | BEGUN state | OTHER_LOAD | REPLAY | RETRY
--   load: load (tap if none)
--   nonce: nonce (tap if none)
--   load_no: load or ''
--   nonce_ms: life of the nonce in ms
--   reread: '1' if the card was read again, and is as the authorisation has it
--   uid: card uid
--   BEGUN: a write was begun: the attempt lives
-- Invariants: a dead attempt never lives again; money comes back only when every
-- attempt is dead and none is said to have written.
local now, who = ARGV.now, ARGV.terminal .. ':' .. ARGV.tap_id
if KEYS.nonce ~= KEYS.tap and redis.call('EXISTS', KEYS.nonce) == 1 then return { 'REPLAY' } end
local tap, load = ledger.hash(KEYS.tap), {}
if tap.load and tap.load ~= ARGV.load_no then return { 'RETRY' } end
if ARGV.load_no ~= '' then load = ledger.hash(KEYS.load) end
-- A tap's load is its own card's; another card's name moves nothing.
if load.state and (load.account ~= ARGV.account_no or load.card_uid ~= ARGV.uid) then return { 'OTHER_LOAD' } end
if KEYS.nonce ~= KEYS.tap then redis.call('SET', KEYS.nonce, '1', 'PX', ARGV.nonce_ms) end
redis.call('HINCRBY', KEYS.tap, 'dup', '1')
if not load.state or not tap.n then
  -- Not seen yet, or lost: whatever still arrives of this tap finds it dead.
  redis.call('HSET', KEYS.tap, 'dead', '1')
  return { 'DROPPED', load.state or '' }
end
-- A write was begun: only the card knows.
if loads.live({ live = load.begun }, tap.n, who) then return { 'BEGUN', load.state } end
redis.call('HSET', KEYS.tap, 'dead', '1')
if not loads.open(load) or not loads.live(load, tap.n, who) then return { 'DROPPED', load.state } end
local left = {}
for one in string.gmatch(load.live, '[^,]+') do
  local n = tonumber(string.match(one, '^%d+'))
  local gone = one == tap.n .. '=' .. who or ARGV.reread == '1' and n < tonumber(tap.n)
  if not gone then left[#left + 1] = one end
end
local evidence = table.concat({ ARGV.reread == '1' and 'reread' or 'abort', ARGV.terminal, ARGV.tap_id, '-', '-', '-', now }, ' ')
-- A counter that has moved on says more than a terminal, unless others move it too.
local moved = load.stepped and load.profile ~= 'shared'
if #left == 0 and (load.state == 'HELD' or load.state == 'IN_DOUBT') and not moved then
  local a = ledger.account(KEYS.account)
  loads.cancel(a, { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.load, doubt = KEYS.doubt }, ARGV.load_no, load, evidence, now)
  return { 'DROPPED', 'CANCELLED' }
end
redis.call('HSET', KEYS.load, 'live', table.concat(left, ','), 'evidence', evidence)
return { 'DROPPED', load.state }
