-- journal_keep: files a batch's records after what they prove was done. A record
-- gets its number's place once; whatever else comes under the number, and what
-- has none, is quarantined beside it.
-- KEYS 1 terminal  2 digests of quarantined records without a place
--      3 filed records (stream)  4 quarantined records (stream)
--      5 runs of numbers that are here  6 runs that are archived
--      7 … digests of accepted records, a block of numbers each
-- ARGV 1 terminal's id  2 epoch  3 now  4 life of digests and filed records, ms
--      5 numbers that are archived now, FROM-TO blank-separated
--      then for each record: 1 index of its block's key, 0 if it gets no place
--      2 its place in the block  3 number  4 digest  5 its name in KEYS 2
--      6 why it is quarantined, empty if it is accepted  7 record (JSON)
-- Replies, one for each record: KEPT, SAME (it was here), OTHER (another record
-- took the number in between: quarantined).
-- Invariants: no record without a reply is here; none is ever taken away before
-- its life ends, and a quarantined one never.
local width, now, life, replies = 22, ARGV[3], tonumber(ARGV[4]), {}
local blank = string.rep('\0', width)
local whole = function(n) return string.format('%.0f', n) end
local quarantine = function(i, why)
  redis.call('XADD', KEYS[4], '*', 'terminal', ARGV[1], 'epoch', ARGV[2], 'seq', ARGV[i + 2], 'why', why, 'at', now,
    'record', ARGV[i + 6])
end
local aside = function(i, why)
  if redis.call('SADD', KEYS[2], ARGV[i + 4]) == 0 then return 'SAME' end
  quarantine(i, why)
  redis.call('HINCRBY', KEYS[1], 'aside', tostring(#ARGV[i + 6]))
  if why == 'content' then
    redis.call('HINCRBY', KEYS[1], 'alarms', '1')
    redis.call('HSET', KEYS[1], 'alarm', 'record ' .. ARGV[2] .. '.' .. ARGV[i + 2] .. ' ' .. now)
  end
  return 'KEPT'
end
-- A run is FROM-TO with FROM as its score; runs never touch each other.
local add_run = function(key, from, to)
  local lower = redis.call('ZREVRANGEBYSCORE', key, whole(from), '-inf', 'LIMIT', '0', '1')
  local touched = redis.call('ZRANGEBYSCORE', key, '(' .. whole(from), whole(to + 1))
  touched[#touched + 1] = lower[1]
  for _, run in ipairs(touched) do
    local a, b = string.match(run, '^(%d+)%-(%d+)$')
    a, b = tonumber(a), tonumber(b)
    if b >= from - 1 then
      if a <= from and b >= to then return end
      from, to = math.min(from, a), math.max(to, b)
      redis.call('ZREM', key, run)
    end
  end
  redis.call('ZADD', key, whole(from), whole(from) .. '-' .. whole(to))
end
local numbers = {}
for i = 6, #ARGV, 7 do
  local block, reply = tonumber(ARGV[i]), 'KEPT'
  if block == 0 then
    reply = aside(i, ARGV[i + 5])
  else
    local key, from = KEYS[block + 6], tonumber(ARGV[i + 1]) * width
    local have = redis.call('GETRANGE', key, from, from + width - 1)
    if have == ARGV[i + 3] then
      reply = 'SAME'
    elseif have ~= '' and have ~= blank then
      aside(i, 'content')
      reply = 'OTHER'
    else
      redis.call('SETRANGE', key, from, ARGV[i + 3])
      redis.call('PEXPIRE', key, ARGV[4])
      if ARGV[i + 5] == '' then
        redis.call('XADD', KEYS[3], 'MINID', '~', whole(math.max(0, tonumber(now) - life)), '*', 'terminal', ARGV[1],
          'epoch', ARGV[2], 'seq', ARGV[i + 2], 'record', ARGV[i + 6])
      else
        quarantine(i, ARGV[i + 5])
      end
    end
    numbers[#numbers + 1] = tonumber(ARGV[i + 2])
  end
  replies[#replies + 1] = reply
end
table.sort(numbers)
local from
for k, n in ipairs(numbers) do
  from = from or n
  if not numbers[k + 1] or numbers[k + 1] > n + 1 then
    add_run(KEYS[5], from, n)
    from = nil
  end
end
for a, b in string.gmatch(ARGV[5], '(%d+)%-(%d+)') do add_run(KEYS[6], tonumber(a), tonumber(b)) end
local newest = tonumber(redis.call('HGET', KEYS[1], 'j_epoch') or '0')
if numbers[1] and tonumber(ARGV[2]) > newest then redis.call('HSET', KEYS[1], 'j_epoch', ARGV[2]) end
redis.call('HSET', KEYS[1], 'journal_at', now)
return replies
