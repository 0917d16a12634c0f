-- journal_keep: files a batch's records after what they prove was done. A record
-- gets its number's place once; whatever else comes under the number, and what
-- has none, is quarantined beside it.
-- KEYS terminal aside filed quarantine runs archived blocks...
-- ARGV id epoch now life archived {block place number digest name why record}...
-- REPLY records...
--   aside: digests of quarantined records without a place; filed, quarantine: streams
--   runs: of numbers that are here; archived: those on the other disk
--   life: of digests and filed records, in ms; archived (ARGV): FROM-TO, blank-separated
--   blocks: digests of accepted records, a block of numbers each
--   block: which of the blocks, 0 if the record has none; place: in the block
--   name: of the record in the set aside
--   why: it is quarantined, empty if it is accepted; record: JSON
--   records, each: KEPT, SAME (it was here), OTHER (another record took the number in
--   between: quarantined)
-- Invariants: no record without a reply is here; none is ever taken away before
-- its life ends, and a quarantined one never.
local width, now, life, replies = 22, ARGV.now, tonumber(ARGV.life), {}
local blank = string.rep('\0', width)
local whole = function(n) return string.format('%.0f', n) end
local quarantine = function(i, why)
  redis.call('XADD', KEYS.quarantine, '*', 'terminal', ARGV.id, 'epoch', ARGV.epoch, 'seq', ARGV.number[i], 'why', why, 'at', now,
    'record', ARGV.record[i])
end
local aside = function(i, why)
  if redis.call('SADD', KEYS.aside, ARGV.name[i]) == 0 then return 'SAME' end
  quarantine(i, why)
  redis.call('HINCRBY', KEYS.terminal, 'aside', tostring(#ARGV.record[i]))
  if why == 'content' then
    redis.call('HINCRBY', KEYS.terminal, 'alarms', '1')
    redis.call('HSET', KEYS.terminal, 'alarm', 'record ' .. ARGV.epoch .. '.' .. ARGV.number[i] .. ' ' .. now)
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
for i = 1, #ARGV.block do
  local block, reply = tonumber(ARGV.block[i]), 'KEPT'
  if block == 0 then
    reply = aside(i, ARGV.why[i])
  else
    local key, from = KEYS.blocks[block], tonumber(ARGV.place[i]) * width
    local have = redis.call('GETRANGE', key, from, from + width - 1)
    if have == ARGV.digest[i] then
      reply = 'SAME'
    elseif have ~= '' and have ~= blank then
      aside(i, 'content')
      reply = 'OTHER'
    else
      redis.call('SETRANGE', key, from, ARGV.digest[i])
      redis.call('PEXPIRE', key, ARGV.life)
      if ARGV.why[i] == '' then
        redis.call('XADD', KEYS.filed, 'MINID', '~', whole(math.max(0, tonumber(now) - life)), '*', 'terminal', ARGV.id,
          'epoch', ARGV.epoch, 'seq', ARGV.number[i], 'record', ARGV.record[i])
      else
        quarantine(i, ARGV.why[i])
      end
    end
    numbers[#numbers + 1] = tonumber(ARGV.number[i])
  end
  replies[#replies + 1] = reply
end
table.sort(numbers)
local from
for k, n in ipairs(numbers) do
  from = from or n
  if not numbers[k + 1] or numbers[k + 1] > n + 1 then
    add_run(KEYS.runs, from, n)
    from = nil
  end
end
for a, b in string.gmatch(ARGV.archived, '(%d+)%-(%d+)') do add_run(KEYS.archived, tonumber(a), tonumber(b)) end
local newest = tonumber(redis.call('HGET', KEYS.terminal, 'j_epoch') or '0')
if numbers[1] and tonumber(ARGV.epoch) > newest then redis.call('HSET', KEYS.terminal, 'j_epoch', ARGV.epoch) end
redis.call('HSET', KEYS.terminal, 'journal_at', now)
return replies
