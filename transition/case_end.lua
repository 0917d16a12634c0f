-- case_end: closes a case on people's word. Money that it holds leaves the books
-- with it: it was never the hub's, or was given back where no channel tells.
-- include cases ledger
-- KEYS case tot house house_entries count
-- ARGV id now may
-- REPLY CLOSED decision | DUP decision | HOLDS fen | REFUNDING fen | NO_CASE
--   house: house account
--   may: '1' if money in suspense may leave the books
-- Invariant: what a case held is kept, so that case_reopen can bring it back.
local c = cases.read(KEYS.case, ARGV.id)
if not c.state then return { 'NO_CASE' } end
if c.state ~= 'open' then
  redis.call('HINCRBY', KEYS.case, 'n:' .. c.id, '1')
  return { 'DUP', c.decision }
end
if c.held > 0 then return { 'REFUNDING', ledger.text(c.held) } end
-- A load's money is the holder's: load_undo brings it back, and nothing else.
local ours = string.sub(c.id, 1, 5) == 'load:'
if c.fen > 0 and (ours or ARGV.may ~= '1') then return { 'HOLDS', ledger.text(c.fen) } end
local decision = c.fen > 0 and 'disowned' or 'closed'
if c.fen > 0 then
  local house = ledger.account(KEYS.house)
  ledger.enter(house, KEYS.house_entries, 'unsuspend', c.id, c.fen, ARGV.now)
  ledger.save(house)
  ledger.post(KEYS.tot, { paid = -c.fen, suspense = c.fen })
end
redis.call('HSET', KEYS.case, 's:' .. c.id, 'closed', 'f:' .. c.id, '0', 'c:' .. c.id, ledger.text(c.fen), 'd:' .. c.id, decision)
return { 'CLOSED', decision }
