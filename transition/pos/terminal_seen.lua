-- terminal_seen: keeps what a terminal says of itself when it signs in or
-- beats. The first sign-in makes a registered terminal run.
-- KEYS 1 terminal
-- ARGV 1 sign_in or heartbeat  2 now  3 … names and values to keep
-- Replies: OK state, STATE state (it may not), NO_TERMINAL.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'NO_TERMINAL' } end
if state ~= 'running' and not (state == 'registered' and ARGV[1] == 'sign_in') then return { 'STATE', state } end
redis.call('HSET', KEYS[1], 'seen', ARGV[2], unpack(ARGV, 3))
if ARGV[1] == 'sign_in' then redis.call('HSET', KEYS[1], 'signed_in', ARGV[2]) end
if state == 'registered' then redis.call('HSET', KEYS[1], 'state', 'running', 'state_at', ARGV[2]) end
return { 'OK', state }
