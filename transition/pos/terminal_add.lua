-- terminal_add: registers a terminal. Its key is never replaced here.
-- KEYS terminal
-- ARGV key alg role place now
-- REPLY NEW | SAME | TAKEN field
--   key: in base64; with hmac-sha256 the number of the secret
--   SAME: it is there already, the place is taken over
--   TAKEN: it is registered with another key, algorithm or role
local h = redis.call('HMGET', KEYS.terminal, 'key', 'alg', 'role')
if h[1] then
  if h[2] ~= ARGV.alg then return { 'TAKEN', 'alg' } end
  -- A secret's number is the hub's affair: a rotation has raised it.
  if h[1] ~= ARGV.key and ARGV.alg ~= 'hmac-sha256' then return { 'TAKEN', 'key' } end
  if (h[3] or 'pos') ~= ARGV.role then return { 'TAKEN', 'role' } end
  redis.call('HSET', KEYS.terminal, 'place', ARGV.place)
  return { 'SAME' }
end
redis.call('HSET', KEYS.terminal, 'key', ARGV.key, 'alg', ARGV.alg, 'role', ARGV.role, 'state', 'registered', 'place', ARGV.place,
  'epoch', '0', 'seq', '0', 'added', ARGV.now)
return { 'NEW' }
