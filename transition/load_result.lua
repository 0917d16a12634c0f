-- load_result: a terminal says what came of a write (load protocol, rules 5
-- and 12, for cards of profile stamp). The caller verified the authorisation
-- that the result carries.
-- KEYS 1 account  2 entries  3 tot  4 card  5 load  6 claim  7 doubt  8 nonce
-- ARGV 1 load  2 terminal  3 tap  4 n  5 card uid  6 version  7 amount  8 L0
--      9 outcome (written, unknown)  10 L read back or ''  11 B read back or ''
--      12 P or ''  13 now  14 life of the nonce in ms
-- Replies: docs/keys.md.
-- Invariants: a load is confirmed once; a result that proves nothing moves
-- nothing.
local now = ARGV[13]
if redis.call('EXISTS', KEYS[8]) == 1 then return { 'REPLAY' } end
local load, card = hash(KEYS[5]), hash(KEYS[4])
if not load.state then return { 'NO_LOAD' } end
if load.card_uid ~= ARGV[5] then return { 'OTHER_LOAD', 'card_uid' } end
if load.version ~= ARGV[6] then return { 'OTHER_LOAD', 'version' } end
if load.amount ~= ARGV[7] then return { 'OTHER_LOAD', 'amount' } end
if load.L0 ~= ARGV[8] then return { 'OTHER_LOAD', 'L0' } end
if tonumber(ARGV[4]) > tonumber(load.n) then return { 'OTHER_LOAD', 'attempt' } end
local claimed = redis.call('GET', KEYS[6])
local a = account(KEYS[1])
redis.call('SET', KEYS[8], '1', 'PX', ARGV[14])
if load.state == 'CONFIRMED' then
  redis.call('HINCRBY', KEYS[5], 'dup', '1')
  return { 'DUP', load.amount, load.confirmed }
end
local dash = function(s) return s == '' and '-' or s end
local evidence = table.concat({ 'result_' .. ARGV[9], ARGV[2], ARGV[3], dash(ARGV[10]), dash(ARGV[11]), dash(ARGV[12]),
  now }, ' ')
if load.short == '1' then
  redis.call('HSET', KEYS[5], 'evidence', evidence)
  return { 'WRITTEN' }
end
if load.state == 'CANCELLED' or load.state == 'CONFLICT' or claimed or card.open ~= ARGV[1] then
  redis.call('HSET', KEYS[5], 'evidence', evidence)
  return { load.state == 'CANCELLED' and 'CANCELLED' or 'CONFLICT' }
end
local proof = ARGV[9] == 'written' and tonumber(ARGV[10]) == tonumber(load.L0) + 1
  and tonumber(ARGV[11]) == tonumber(load.B0) + tonumber(load.amount)
if proof then
  confirm(a, { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7] },
    ARGV[1], load, evidence, now)
  return { 'CONFIRMED', load.amount, now }
end
if ARGV[9] == 'written' or load.state == 'WRITTEN' then
  redis.call('HSET', KEYS[5], 'state', 'WRITTEN', 'evidence', evidence)
  return { 'WRITTEN' }
end
redis.call('HSET', KEYS[5], 'state', 'IN_DOUBT', 'evidence', evidence)
return { 'IN_DOUBT' }
