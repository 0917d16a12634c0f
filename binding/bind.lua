-- bind: links a payer with an account, in both directions.
-- KEYS payer account
-- ARGV account_no field now
-- REPLY BOUND | SAME | OTHER
--   field: the payer in the hash of the account
--   SAME: it was so already
--   OTHER: the payer has another account
local held = redis.call('HGET', KEYS.payer, 'account')
if held == ARGV.account_no then
  redis.call('HINCRBY', KEYS.payer, 'dup', '1')
  return { 'SAME' }
end
if held then return { 'OTHER' } end
redis.call('HDEL', KEYS.payer, 'ended', 'ended_by')
redis.call('HSET', KEYS.payer, 'account', ARGV.account_no, 'at', ARGV.now)
redis.call('HSET', KEYS.account, ARGV.field, ARGV.now)
return { 'BOUND' }
