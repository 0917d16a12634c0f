-- case_reopen: takes back what case_end did. A case that ended because its money
-- was credited or given back stays ended.
-- include cases ledger
-- KEYS case tot house house_entries count
-- ARGV id now
-- REPLY REOPENED fen | DUP | SETTLED decision | NO_CASE
--   house: house account
local c = cases.read(KEYS.case, ARGV.id)
if not c.state then return { 'NO_CASE' } end
if c.state == 'open' then
  redis.call('HINCRBY', KEYS.case, 'n:' .. c.id, '1')
  return { 'DUP' }
end
if c.decision ~= 'closed' and c.decision ~= 'disowned' then return { 'SETTLED', c.decision } end
local amount = tonumber(redis.call('HGET', KEYS.case, 'c:' .. c.id) or '0')
if amount > 0 then
  local house = ledger.account(KEYS.house)
  ledger.enter(house, KEYS.house_entries, 'suspend', c.id, amount, ARGV.now)
  ledger.save(house)
  ledger.post(KEYS.tot, { paid = amount, suspense = -amount })
end
redis.call('HSET', KEYS.case, 's:' .. c.id, 'open', 'f:' .. c.id, ledger.text(amount), 'd:' .. c.id, '')
return { 'REOPENED', ledger.text(amount) }
