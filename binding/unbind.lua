-- unbind: takes a link away, in both directions.
-- KEYS 1 payer  2 account
-- ARGV 1 account  2 the payer's field in the account
-- Replies: UNBOUND, NONE (there is no such link).
if redis.call('HGET', KEYS[1], 'account') ~= ARGV[1] then return { 'NONE' } end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[2])
return { 'UNBOUND' }
