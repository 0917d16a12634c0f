-- terminal_seen: keeps what a terminal says of itself when it signs in or
-- beats. The first sign-in makes a registered terminal run.
-- KEYS terminal
-- ARGV kind now fields...
-- REPLY OK state | STATE state | NO_TERMINAL
--   kind: sign_in or heartbeat
--   fields: names and values to keep
--   STATE: a terminal in this state may not
local state = redis.call('HGET', KEYS.terminal, 'state')
if not state then return { 'NO_TERMINAL' } end
if state ~= 'running' and not (state == 'registered' and ARGV.kind == 'sign_in') then return { 'STATE', state } end
redis.call('HSET', KEYS.terminal, 'seen', ARGV.now, unpack(ARGV.fields))
if ARGV.kind == 'sign_in' then redis.call('HSET', KEYS.terminal, 'signed_in', ARGV.now) end
if state == 'registered' then redis.call('HSET', KEYS.terminal, 'state', 'running', 'state_at', ARGV.now) end
return { 'OK', state }
