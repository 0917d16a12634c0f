-- terminal_rotate: gives a terminal another key; the one before stays good for
-- a while, or ends at once.
-- KEYS terminal
-- ARGV key now until
-- REPLY ROTATED key | SAME key until | OVERLAP until | ALG alg | STATE state | NO_TERMINAL
--   key: the new one in base64; empty with hmac-sha256, which takes the next number
--   until: when the old key ends, 0 for at once
--   SAME: an overlap with this key runs already
--   OVERLAP: one with another key
-- OVERLAP until (one with another key does), ALG alg, STATE state, NO_TERMINAL.
-- Invariants: a secret's number is never given twice; at most two keys hold.
local h = redis.call('HMGET', KEYS.terminal, 'state', 'alg', 'key', 'old_key', 'old_until')
local state, alg, key = h[1], h[2], h[3]
if not state then return { 'NO_TERMINAL' } end
if state == 'lost' or state == 'retired' then return { 'STATE', state } end
local hmac = alg == 'hmac-sha256'
if hmac ~= (ARGV.key == '') then return { 'ALG', alg } end
local fresh = hmac and string.format('%.0f', tonumber(key) + 1) or ARGV.key
if ARGV.until == '0' then
  redis.call('HSET', KEYS.terminal, 'key', fresh)
  redis.call('HDEL', KEYS.terminal, 'old_key', 'old_until')
  return { 'ROTATED', fresh }
end
if h[4] and tonumber(h[5]) > tonumber(ARGV.now) then
  if hmac or fresh == key then return { 'SAME', key, h[5] } end
  return { 'OVERLAP', h[5] }
end
if fresh == key then return { 'SAME', key, '0' } end
redis.call('HSET', KEYS.terminal, 'key', fresh, 'old_key', key, 'old_until', ARGV.until)
return { 'ROTATED', fresh }
