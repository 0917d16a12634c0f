-- block_set: makes the blocklist say of a card what follows from its account's status
-- and freezes and from its own status.
-- include events
-- KEYS account card blocklist feed
-- ARGV uid account_no remembered
-- REPLY CHANGED version | SAME | NO_CARD
--   uid: card uid
--   remembered: how many changes are remembered
-- Invariants: an entry follows from the books alone, so it may be made anew at any
-- time; the version rises with each change and with nothing else.
local a = redis.call('HMGET', KEYS.account, 'status', 'freeze')
local card = redis.call('HMGET', KEYS.card, 'account', 'status', 'card_no')
if card[1] ~= ARGV.account_no then return { 'NO_CARD' } end
local reason
if card[2] ~= 'in_force' then
  reason = 'out'
elseif a[1] ~= 'open' then
  reason = 'closed'
elseif (a[2] or '') ~= '' then
  reason = 'frozen'
end
local is = reason and card[3] .. ' ' .. reason
local was = redis.call('HGET', KEYS.blocklist, ARGV.uid)
if is == (was and string.match(was, '^%d+ (.*)$') or nil) then
  redis.call('HINCRBY', KEYS.blocklist, 'dup', '1')
  return { 'SAME' }
end
local v = redis.call('HINCRBY', KEYS.blocklist, 'v', '1')
local version = string.format('%.0f', v)
if is then
  redis.call('HSET', KEYS.blocklist, ARGV.uid, version .. ' ' .. is)
else
  redis.call('HDEL', KEYS.blocklist, ARGV.uid)
end
redis.call('HSET', KEYS.blocklist, 'c:' .. version, ARGV.uid)
redis.call('HDEL', KEYS.blocklist, string.format('c:%.0f', v - tonumber(ARGV.remembered)))
events.tell(KEYS.feed, 'block', ARGV.uid)
return { 'CHANGED', version }
