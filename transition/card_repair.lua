-- card_repair: two people say what a card in conflict shall hold that no load carries
-- (load protocol, rule 9).
-- include conflicts ledger loads
-- KEYS account entries card case count
-- ARGV uid by second why now fen account_no
-- REPLY DECIDED | NOTHING mark | NO_CARD | NO_READING | BUSY load
--   uid: card uid
--   second: and who else
-- Invariant: a card that somebody has is in conflict until a desk has read it as they
-- said.
local card, now, uid = ledger.hash(KEYS.card), ARGV.now, ARGV.uid
if card.account ~= ARGV.account_no then return { 'NO_CARD' } end
if (card.open or '') ~= '' then return { 'BUSY', card.open } end
if card.mark ~= 'CONFLICT' then return { 'NOTHING', card.mark or '' } end
local gone = card.status ~= 'in_force'
if not card.desk and not gone then return { 'NO_READING' } end
local a, k = ledger.account(KEYS.account), { entries = KEYS.entries, card = KEYS.card }
redis.call('HSET', KEYS.card, 'said', table.concat({ 'repair', ARGV.by, ARGV.second, card.L or '-', ARGV.fen, now, ARGV.why }, ' '))
local _, _, _, was, balance, bought = string.match(card.desk or '', '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
-- A counter is not set back: a step that may be used up would be used again.
if was and (not card.L or tonumber(was) > tonumber(card.L)) then loads.step(k, card, tonumber(was) - 1) end
local shall = card.L
if gone or was == shall and balance == ARGV.fen then
  conflicts.mended(a, k, card, uid, now) -- nobody will read it any more; or it is so already
else
  redis.call('HSET', KEYS.card, 'repair', table.concat({ shall, ARGV.fen, balance, bought, card.of or '-' }, ' '))
end
redis.call('HSET', KEYS.case, 's:card:' .. uid, 'closed', 'd:card:' .. uid, 'closed')
return { 'DECIDED' }
