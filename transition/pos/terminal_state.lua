-- terminal_state: stops a terminal, or lets a suspended one go on.
-- KEYS terminal
-- ARGV state from now
-- REPLY OK | SAME | STATE state | NO_TERMINAL
--   from: states that lead there, blank-separated
local state = redis.call('HGET', KEYS.terminal, 'state')
if not state then return { 'NO_TERMINAL' } end
if state == ARGV.state then return { 'SAME' } end
if not string.find(' ' .. ARGV.from .. ' ', ' ' .. state .. ' ', 1, true) then return { 'STATE', state } end
redis.call('HSET', KEYS.terminal, 'state', ARGV.state, 'state_at', ARGV.now)
return { 'OK' }
