-- terminal_add: registers a terminal. Its key is never replaced here.
-- KEYS 1 terminal
-- ARGV 1 key (base64, or with hmac-sha256 the secret's number)  2 algorithm
--      3 role  4 place  5 now
-- Replies: NEW, SAME (it is there already; the place is taken over), TAKEN
-- field (registered with another key, algorithm or role).
local h = redis.call('HMGET', KEYS[1], 'key', 'alg', 'role')
if h[1] then
  if h[2] ~= ARGV[2] then return { 'TAKEN', 'alg' } end
  -- A secret's number is the hub's affair: a rotation has raised it.
  if h[1] ~= ARGV[1] and ARGV[2] ~= 'hmac-sha256' then return { 'TAKEN', 'key' } end
  if (h[3] or 'pos') ~= ARGV[3] then return { 'TAKEN', 'role' } end
  redis.call('HSET', KEYS[1], 'place', ARGV[4])
  return { 'SAME' }
end
redis.call('HSET', KEYS[1], 'key', ARGV[1], 'alg', ARGV[2], 'role', ARGV[3], 'state', 'registered', 'place', ARGV[4],
  'epoch', '0', 'seq', '0', 'added', ARGV[5])
return { 'NEW' }
