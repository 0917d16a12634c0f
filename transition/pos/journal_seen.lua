-- journal_seen: which records of a batch the hub has already.
-- KEYS 1 digests of quarantined records without a place  2 archived runs
--      3 … digests of accepted records, a block of numbers each
-- ARGV for each record: 1 index of its block's key, 0 if it has no number
--      2 its place in the block  3 number  4 digest  5 its name in KEYS 1
-- Replies, one for each record: NEW, SAME (this very record), ARCHIVED (SAME,
-- and on the other disk too), OTHER (another record has this number), KEPT
-- (quarantined before, without a place).
local width, replies = 22, {}
local blank = string.rep('\0', width)
local archived = function(n)
  local run = redis.call('ZREVRANGEBYSCORE', KEYS[2], n, '-inf', 'LIMIT', '0', '1')[1]
  return run and tonumber(string.match(run, '%-(%d+)$')) >= tonumber(n)
end
for i = 1, #ARGV, 5 do
  local reply = 'NEW'
  local block = tonumber(ARGV[i])
  if redis.call('SISMEMBER', KEYS[1], ARGV[i + 4]) == 1 then
    reply = 'KEPT'
  elseif block > 0 then
    local from = tonumber(ARGV[i + 1]) * width
    local have = redis.call('GETRANGE', KEYS[block + 2], from, from + width - 1)
    if have == ARGV[i + 3] then
      reply = archived(ARGV[i + 2]) and 'ARCHIVED' or 'SAME'
    elseif have ~= '' and have ~= blank then
      reply = 'OTHER'
    end
  end
  replies[#replies + 1] = reply
end
return replies
