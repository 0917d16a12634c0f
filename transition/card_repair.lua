-- card_repair: two people say what a card in conflict shall hold that no load carries
-- (load protocol, rule 9).
-- KEYS 1 account  2 entries  3 card  4 case
-- ARGV 1 card uid  2 who  3 and who else  4 why  5 now  6 fen  7 account
-- Replies: docs/keys.md.
-- Invariant: a card that somebody has is in conflict until a desk has read it as they
-- said.
local card, now, uid = hash(KEYS[3]), ARGV[5], ARGV[1]
if card.account ~= ARGV[7] then return { 'NO_CARD' } end
if (card.open or '') ~= '' then return { 'BUSY', card.open } end
if card.mark ~= 'CONFLICT' then return { 'NOTHING', card.mark or '' } end
local gone = card.status ~= 'in_force'
if not card.desk and not gone then return { 'NO_READING' } end
local a, k = account(KEYS[1]), { entries = KEYS[2], card = KEYS[3] }
redis.call('HSET', KEYS[3], 'said', table.concat({ 'repair', ARGV[2], ARGV[3], card.L or '-', ARGV[6], now, ARGV[4] }, ' '))
local _, _, _, was, balance, bought = string.match(card.desk or '', '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
-- A counter is not set back: a step that may be used up would be used again.
if was and (not card.L or tonumber(was) > tonumber(card.L)) then step(k, card, tonumber(was) - 1) end
local shall = card.L
if gone or was == shall and balance == ARGV[6] then
  mended(a, k, card, uid, now) -- nobody will read it any more; or it is so already
else
  redis.call('HSET', KEYS[3], 'repair', table.concat({ shall, ARGV[6], balance, bought, card.of or '-' }, ' '))
end
redis.call('HSET', KEYS[4], 's:card:' .. uid, 'closed', 'd:card:' .. uid, 'closed')
return { 'DECIDED' }
