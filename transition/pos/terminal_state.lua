-- terminal_state: stops a terminal, or lets a suspended one go on.
-- KEYS 1 terminal
-- ARGV 1 state to be in  2 states that lead there, blank-separated  3 now
-- Replies: OK, SAME, STATE state, NO_TERMINAL.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return { 'NO_TERMINAL' } end
if state == ARGV[1] then return { 'SAME' } end
if not string.find(' ' .. ARGV[2] .. ' ', ' ' .. state .. ' ', 1, true) then return { 'STATE', state } end
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'state_at', ARGV[3])
return { 'OK' }
