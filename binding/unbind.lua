-- unbind: takes a link away, in both directions, and keeps who did so.
-- KEYS payer account ended
-- ARGV account_no field now entry notice
-- REPLY UNBOUND | NONE
--   entry: what the list of ended links keeps
--   notice: who ended it, for the payer to read; empty if the payer did
--   NONE: there is no such link
if redis.call('HGET', KEYS.payer, 'account') ~= ARGV.account_no then return { 'NONE' } end
redis.call('DEL', KEYS.payer)
redis.call('HDEL', KEYS.account, ARGV.field)
redis.call('LPUSH', KEYS.ended, ARGV.entry)
redis.call('LTRIM', KEYS.ended, 0, 49)
if ARGV.notice ~= '' then
  redis.call('HSET', KEYS.payer, 'ended', ARGV.now, 'ended_by', ARGV.notice)
end
return { 'UNBOUND' }
