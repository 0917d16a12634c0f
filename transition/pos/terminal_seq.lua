-- terminal_seq: takes note of a message's number before the message is acted on.
-- The window holds the digests of the last messages, one slot of 22 bytes for
-- each number modulo the window's size; zero bytes are a number not seen yet.
-- KEYS terminal window
-- ARGV epoch number digest now size
-- REPLY NEW | SAME | OTHER | EPOCH epoch | OLD newest | NO_TERMINAL
--   digest: 22 characters; size: of the window
--   SAME: the same message again
--   OTHER: another message had this number
--   EPOCH: an epoch that is over
--   OLD: before the window
-- NO_TERMINAL.
-- Invariants: the newest number never falls within an epoch, nor the epoch; a
-- number keeps its first digest as long as it is in the window.
local width, size = 22, tonumber(ARGV.size)
local whole = function(n) return string.format('%.0f', n) end
local h = redis.call('HMGET', KEYS.terminal, 'state', 'epoch', 'seq')
if not h[1] then return { 'NO_TERMINAL' } end
local epoch, top = tonumber(h[2]), tonumber(h[3])
local e, n = tonumber(ARGV.epoch), tonumber(ARGV.number)
local alarm = function(what)
  redis.call('HINCRBY', KEYS.terminal, 'alarms', '1')
  redis.call('HSET', KEYS.terminal, 'alarm', what .. ' ' .. ARGV.epoch .. '.' .. ARGV.number .. ' ' .. ARGV.now)
end
local at = function(number) return math.fmod(number, size) * width end
local blank = string.rep('\0', width)
local seen = function(number)
  local slot = redis.call('GETRANGE', KEYS.window, whole(at(number)), whole(at(number) + width - 1))
  return slot ~= '' and slot ~= blank and slot
end
if e < epoch then
  alarm('epoch')
  return { 'EPOCH', h[2] }
end
if e == epoch and n <= top - size then
  redis.call('HINCRBY', KEYS.terminal, 'late', '1')
  return { 'OLD', h[3] }
end
if e == epoch and n <= top then
  local before = seen(n)
  if before == ARGV.digest then
    redis.call('HINCRBY', KEYS.terminal, 'repeats', '1')
    return { 'SAME' }
  end
  if before then
    alarm('message')
    return { 'OTHER' }
  end
  redis.call('SETRANGE', KEYS.window, whole(at(n)), ARGV.digest)
  return { 'NEW' }
end
-- A new epoch begins with nothing seen: what the slots held before is blanked or
-- overwritten by the numbers that pass them.
if e > epoch then top = 0 end
-- The window moves up to n: what leaves it unseen is missed for good.
local missed = 0
for number = math.max(1, top - size + 1), math.min(top, n - size) do
  if not seen(number) then missed = missed + 1 end
end
if n - top >= size then
  missed = missed + (n - size - top)
  redis.call('DEL', KEYS.window)
else
  for number = top + 1, n - 1 do redis.call('SETRANGE', KEYS.window, whole(at(number)), blank) end
end
redis.call('SETRANGE', KEYS.window, whole(at(n)), ARGV.digest)
redis.call('HSET', KEYS.terminal, 'epoch', ARGV.epoch, 'seq', ARGV.number)
if missed > 0 then redis.call('HINCRBY', KEYS.terminal, 'missed', whole(missed)) end
return { 'NEW' }
