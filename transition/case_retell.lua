-- case_retell: takes back a larger sum of refunds that the channel once told of a
-- payment, on people's word.
-- include cases ledger
-- KEYS case order
-- ARGV id refunded known
-- REPLY RETOLD | ENDED | RETRY
--   order: the order that the payment names (case if it names none)
--   refunded: fen that were refunded
--   known: fen that people knew to be told
--   RETRY: more was told meanwhile
local c = cases.read(KEYS.case, ARGV.id)
if c.state ~= 'open' then return { 'ENDED' } end
local told = KEYS.order ~= KEYS.case and redis.call('HGET', KEYS.order, 'told')
-- What was told since they looked is not what they decided about. An order that
-- knows of a refund without its sum says 1.
if ledger.text(c.told) ~= ARGV.known or (told and tonumber(told) > math.max(c.told, 1)) then return { 'RETRY' } end
redis.call('HSET', KEYS.case, 'r:' .. c.id, ARGV.refunded, 'k:' .. c.id, 'retold')
if told then redis.call('HSET', KEYS.order, 'told', ARGV.refunded) end
return { 'RETOLD' }
