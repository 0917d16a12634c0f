-- terminal_seq: takes note of a message's number before the message is acted on.
-- The window holds the digests of the last messages, one slot of 22 bytes for
-- each number modulo the window's size; zero bytes are a number not seen yet.
-- KEYS 1 terminal  2 window
-- ARGV 1 epoch  2 number  3 digest (22 characters)  4 now  5 size of the window
-- Replies: NEW, SAME (the same message again), OTHER (another message had this
-- number), EPOCH epoch (an epoch that is over), OLD newest (before the window),
-- NO_TERMINAL.
-- Invariants: the newest number never falls within an epoch, nor the epoch; a
-- number keeps its first digest as long as it is in the window.
local width, size = 22, tonumber(ARGV[5])
local whole = function(n) return string.format('%.0f', n) end
local h = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'seq')
if not h[1] then return { 'NO_TERMINAL' } end
local epoch, top = tonumber(h[2]), tonumber(h[3])
local e, n = tonumber(ARGV[1]), tonumber(ARGV[2])
local alarm = function(what)
  redis.call('HINCRBY', KEYS[1], 'alarms', '1')
  redis.call('HSET', KEYS[1], 'alarm', what .. ' ' .. ARGV[1] .. '.' .. ARGV[2] .. ' ' .. ARGV[4])
end
local at = function(number) return math.fmod(number, size) * width end
local blank = string.rep('\0', width)
local seen = function(number)
  local slot = redis.call('GETRANGE', KEYS[2], whole(at(number)), whole(at(number) + width - 1))
  return slot ~= '' and slot ~= blank and slot
end
if e < epoch then
  alarm('epoch')
  return { 'EPOCH', h[2] }
end
if e == epoch and n <= top - size then
  redis.call('HINCRBY', KEYS[1], 'late', '1')
  return { 'OLD', h[3] }
end
if e == epoch and n <= top then
  local before = seen(n)
  if before == ARGV[3] then
    redis.call('HINCRBY', KEYS[1], 'repeats', '1')
    return { 'SAME' }
  end
  if before then
    alarm('message')
    return { 'OTHER' }
  end
  redis.call('SETRANGE', KEYS[2], whole(at(n)), ARGV[3])
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
  redis.call('DEL', KEYS[2])
else
  for number = top + 1, n - 1 do redis.call('SETRANGE', KEYS[2], whole(at(number)), blank) end
end
redis.call('SETRANGE', KEYS[2], whole(at(n)), ARGV[3])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'seq', ARGV[2])
if missed > 0 then redis.call('HINCRBY', KEYS[1], 'missed', whole(missed)) end
return { 'NEW' }
