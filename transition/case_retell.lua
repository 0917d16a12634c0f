-- case_retell: takes back a larger sum of refunds that the channel once told of a
-- payment, on people's word.
-- KEYS 1 case  2 the order that the payment names (1 if it names none)
-- ARGV 1 id  2 fen that were refunded  3 fen that people knew to be told
-- Replies: docs/keys.md.
local c = case_read(KEYS[1], ARGV[1])
if c.state ~= 'open' then return { 'ENDED' } end
local told = KEYS[2] ~= KEYS[1] and redis.call('HGET', KEYS[2], 'told')
-- What was told since they looked is not what they decided about. An order that
-- knows of a refund without its sum says 1.
if text(c.told) ~= ARGV[3] or (told and tonumber(told) > math.max(c.told, 1)) then return { 'RETRY' } end
redis.call('HSET', KEYS[1], 'r:' .. c.id, ARGV[2], 'k:' .. c.id, 'retold')
if told then redis.call('HSET', KEYS[2], 'told', ARGV[2]) end
return { 'RETOLD' }
