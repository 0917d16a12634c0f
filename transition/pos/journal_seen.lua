-- journal_seen: which records of a batch the hub has already.
-- KEYS aside archived blocks...
-- ARGV {block place number digest name}...
-- REPLY records...
--   aside: digests of quarantined records without a place; archived: runs of numbers
--   blocks: digests of accepted records, a block of numbers each
--   block: which of the blocks, 0 if the record has none; place: in the block
--   name: of the record in the set aside
--   records, each: NEW, SAME (this very record), ARCHIVED (SAME, and on the other disk
--   too), OTHER (another record has this number), KEPT (quarantined before, without a place)
local width, replies = 22, {}
local blank = string.rep('\0', width)
local archived = function(n)
  local run = redis.call('ZREVRANGEBYSCORE', KEYS.archived, n, '-inf', 'LIMIT', '0', '1')[1]
  return run and tonumber(string.match(run, '%-(%d+)$')) >= tonumber(n)
end
for i = 1, #ARGV.block do
  local reply = 'NEW'
  local block = tonumber(ARGV.block[i])
  if redis.call('SISMEMBER', KEYS.aside, ARGV.name[i]) == 1 then
    reply = 'KEPT'
  elseif block > 0 then
    local from = tonumber(ARGV.place[i]) * width
    local have = redis.call('GETRANGE', KEYS.blocks[block], from, from + width - 1)
    if have == ARGV.digest[i] then
      reply = archived(ARGV.number[i]) and 'ARCHIVED' or 'SAME'
    elseif have ~= '' and have ~= blank then
      reply = 'OTHER'
    end
  end
  replies[#replies + 1] = reply
end
return replies
