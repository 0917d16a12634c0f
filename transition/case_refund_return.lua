-- case_refund_return: a refund of money in suspense will not be made: on the
-- channel's signed word, or on a person's. Its case is as it was before.
-- KEYS 1 case  2 refund  3 rfdue
-- ARGV 1 refund  2 now  3 the word  4 how long, in ms, nothing may have been
--      sent for it; '0' with the channel's own word
-- Replies: docs/keys.md.
local r = redis.call('HMGET', KEYS[2], 'case', 'amount', 'state', 'accepted', 'sent_at')
if not r[1] then return { 'NO_REFUND' } end
if r[3] ~= 'held' then
  redis.call('HINCRBY', KEYS[2], 'dup', '1')
  return { r[3] == 'returned' and 'DUP' or 'SETTLED' }
end
if r[4] and ARGV[4] ~= '0' then return { 'ACCEPTED' } end
if r[5] and tonumber(ARGV[2]) - tonumber(r[5]) < tonumber(ARGV[4]) then return { 'RECENT', r[5] } end
local c = case_read(KEYS[1], r[1])
redis.call('HSET', KEYS[1], 'h:' .. c.id, text(c.held - tonumber(r[2])))
redis.call('HSET', KEYS[2], 'state', 'returned', 'done', ARGV[2], 'word', ARGV[3])
redis.call('ZREM', KEYS[3], ARGV[1])
return { 'RETURNED' }
