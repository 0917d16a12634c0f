-- terminal_rotate: gives a terminal another key; the one before stays good for
-- a while, or ends at once.
-- KEYS 1 terminal
-- ARGV 1 new public key (base64), empty with hmac-sha256: the next number
--      2 now  3 when the old key ends, 0 for at once
-- Replies: ROTATED key, SAME key until (an overlap with this key runs already),
-- OVERLAP until (one with another key does), ALG alg, STATE state, NO_TERMINAL.
-- Invariants: a secret's number is never given twice; at most two keys hold.
local h = redis.call('HMGET', KEYS[1], 'state', 'alg', 'key', 'old_key', 'old_until')
local state, alg, key = h[1], h[2], h[3]
if not state then return { 'NO_TERMINAL' } end
if state == 'lost' or state == 'retired' then return { 'STATE', state } end
local hmac = alg == 'hmac-sha256'
if hmac ~= (ARGV[1] == '') then return { 'ALG', alg } end
local fresh = hmac and string.format('%.0f', tonumber(key) + 1) or ARGV[1]
if ARGV[3] == '0' then
  redis.call('HSET', KEYS[1], 'key', fresh)
  redis.call('HDEL', KEYS[1], 'old_key', 'old_until')
  return { 'ROTATED', fresh }
end
if h[4] and tonumber(h[5]) > tonumber(ARGV[2]) then
  if hmac or fresh == key then return { 'SAME', key, h[5] } end
  return { 'OVERLAP', h[5] }
end
if fresh == key then return { 'SAME', key, '0' } end
redis.call('HSET', KEYS[1], 'key', fresh, 'old_key', key, 'old_until', ARGV[3])
return { 'ROTATED', fresh }
