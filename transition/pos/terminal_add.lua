-- terminal_add: registers a terminal. Its key is never replaced here.
-- KEYS 1 terminal
-- ARGV 1 public key (base64)  2 place  3 now
-- Replies: OK (also if it is there already), TAKEN (another key).
local key = redis.call('HGET', KEYS[1], 'key')
if key and key ~= ARGV[1] then return { 'TAKEN' } end
if key then
  redis.call('HSET', KEYS[1], 'place', ARGV[2])
  return { 'OK' }
end
redis.call('HSET', KEYS[1], 'key', ARGV[1], 'alg', 'ed25519', 'state', 'running', 'place', ARGV[2],
  'epoch', '0', 'seq', '0', 'added', ARGV[3])
return { 'OK' }
