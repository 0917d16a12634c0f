-- case_reopen: takes back what case_end did. A case that ended because its money
-- was credited or given back stays ended.
-- KEYS 1 case  2 tot  3 house account  4 house entries
-- ARGV 1 id  2 now
-- Replies: docs/keys.md.
local c = case_read(KEYS[1], ARGV[1])
if not c.state then return { 'NO_CASE' } end
if c.state == 'open' then
  redis.call('HINCRBY', KEYS[1], 'n:' .. c.id, '1')
  return { 'DUP' }
end
if c.decision ~= 'closed' and c.decision ~= 'disowned' then return { 'SETTLED', c.decision } end
local amount = tonumber(redis.call('HGET', KEYS[1], 'c:' .. c.id) or '0')
if amount > 0 then
  local house = account(KEYS[3])
  enter(house, KEYS[4], 'suspend', c.id, amount, ARGV[2])
  save(house)
  post(KEYS[2], { paid = amount, suspense = -amount })
end
redis.call('HSET', KEYS[1], 's:' .. c.id, 'open', 'f:' .. c.id, text(amount), 'd:' .. c.id, '')
return { 'REOPENED', text(amount) }
