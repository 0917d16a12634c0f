-- block_set: makes the blocklist say of a card what follows from its account's status
-- and freezes and from its own status.
-- KEYS 1 account  2 card  3 blocklist  4 feed
-- ARGV 1 card uid  2 account  3 how many changes are remembered
-- Replies: docs/keys.md.
-- Invariants: an entry follows from the books alone, so it may be made anew at any
-- time; the version rises with each change and with nothing else.
local a = redis.call('HMGET', KEYS[1], 'status', 'freeze')
local card = redis.call('HMGET', KEYS[2], 'account', 'status', 'card_no')
if card[1] ~= ARGV[2] then return { 'NO_CARD' } end
local reason
if card[2] ~= 'in_force' then
  reason = 'out'
elseif a[1] ~= 'open' then
  reason = 'closed'
elseif (a[2] or '') ~= '' then
  reason = 'frozen'
end
local is = reason and card[3] .. ' ' .. reason
local was = redis.call('HGET', KEYS[3], ARGV[1])
if is == (was and string.match(was, '^%d+ (.*)$') or nil) then
  redis.call('HINCRBY', KEYS[3], 'dup', '1')
  return { 'SAME' }
end
local v = redis.call('HINCRBY', KEYS[3], 'v', '1')
local version = string.format('%.0f', v)
if is then
  redis.call('HSET', KEYS[3], ARGV[1], version .. ' ' .. is)
else
  redis.call('HDEL', KEYS[3], ARGV[1])
end
redis.call('HSET', KEYS[3], 'c:' .. version, ARGV[1])
redis.call('HDEL', KEYS[3], string.format('c:%.0f', v - tonumber(ARGV[3])))
tell(KEYS[4], 'block', ARGV[1])
return { 'CHANGED', version }
