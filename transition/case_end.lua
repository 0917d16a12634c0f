-- case_end: closes a case on people's word. Money that it holds leaves the books
-- with it: it was never the hub's, or was given back where no channel tells.
-- KEYS 1 case  2 tot  3 house account  4 house entries
-- ARGV 1 id  2 now  3 '1' if money in suspense may leave the books
-- Replies: docs/keys.md.
-- Invariant: what a case held is kept, so that case_reopen can bring it back.
local c = case_read(KEYS[1], ARGV[1])
if not c.state then return { 'NO_CASE' } end
if c.state ~= 'open' then
  redis.call('HINCRBY', KEYS[1], 'n:' .. c.id, '1')
  return { 'DUP', c.decision }
end
if c.held > 0 then return { 'REFUNDING', text(c.held) } end
-- A load's money is the holder's: load_undo brings it back, and nothing else.
local ours = string.sub(c.id, 1, 5) == 'load:'
if c.fen > 0 and (ours or ARGV[3] ~= '1') then return { 'HOLDS', text(c.fen) } end
local decision = c.fen > 0 and 'disowned' or 'closed'
if c.fen > 0 then
  local house = account(KEYS[3])
  enter(house, KEYS[4], 'unsuspend', c.id, c.fen, ARGV[2])
  save(house)
  post(KEYS[2], { paid = -c.fen, suspense = c.fen })
end
redis.call('HSET', KEYS[1], 's:' .. c.id, 'closed', 'f:' .. c.id, '0', 'c:' .. c.id, text(c.fen), 'd:' .. c.id, decision)
return { 'CLOSED', decision }
