-- case_retell: takes back a larger sum of refunds that the channel once told of a
-- payment, on people's word and the channel's present one.
-- KEYS 1 case  2 the order that the payment names (1 if it names none)
-- ARGV 1 id  2 fen refunded, all told, by the channel's present word
-- Replies: docs/keys.md.
local c = case_read(KEYS[1], ARGV[1])
if c.state ~= 'open' then return { 'ENDED' } end
redis.call('HSET', KEYS[1], 'r:' .. c.id, ARGV[2], 'k:' .. c.id, 'retold')
if KEYS[2] ~= KEYS[1] and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('HSET', KEYS[2], 'told', ARGV[2])
end
return { 'RETOLD' }
