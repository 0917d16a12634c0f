-- bind: links a payer with an account, in both directions.
-- KEYS 1 payer  2 account
-- ARGV 1 account  2 the payer's field in the account  3 now
-- Replies: BOUND, SAME (it was so already), OTHER (the payer has another account).
local held = redis.call('HGET', KEYS[1], 'account')
if held == ARGV[1] then
  redis.call('HINCRBY', KEYS[1], 'dup', '1')
  return { 'SAME' }
end
if held then return { 'OTHER' } end
redis.call('HDEL', KEYS[1], 'ended', 'ended_by')
redis.call('HSET', KEYS[1], 'account', ARGV[1], 'at', ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return { 'BOUND' }
