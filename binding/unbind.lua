-- unbind: takes a link away, in both directions, and keeps who did so.
-- KEYS 1 payer  2 account  3 the account's ended links
-- ARGV 1 account  2 the payer's field in the account  3 now  4 what the list keeps
--      5 who ended it, for the payer to read; empty if the payer did
-- Replies: UNBOUND, NONE (there is no such link).
if redis.call('HGET', KEYS[1], 'account') ~= ARGV[1] then return { 'NONE' } end
redis.call('DEL', KEYS[1])
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[4])
redis.call('LTRIM', KEYS[3], 0, 49)
if ARGV[5] ~= '' then
  redis.call('HSET', KEYS[1], 'ended', ARGV[3], 'ended_by', ARGV[5])
end
return { 'UNBOUND' }
