-- card_decide: two people end what stands against a card and no load carries (load
-- protocol, rules 9 and 10): a counter ahead of the ledger is adopted, with what the
-- card got by it; of a card in conflict they say what it shall hold.
-- KEYS 1 account  2 entries  3 tot  4 card  5 the load to book  6 claim of the step
--      before the counter  7 doubt  8 case
-- ARGV 1 card uid  2 verdict: adopt or repair  3 who  4 and who else  5 why  6 now
--      7 counter to adopt  8 fen that the card got, or that it shall hold
--      9 the load to book  10 account
-- Replies: docs/keys.md.
local card, now, uid = hash(KEYS[4]), ARGV[6], ARGV[1]
if card.account ~= ARGV[10] then return { 'NO_CARD' } end
if (card.open or '') ~= '' then return { 'BUSY', card.open } end
local a, amount, L = account(KEYS[1]), tonumber(ARGV[8]), tonumber(ARGV[7])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7] }
local said = table.concat({ ARGV[2], ARGV[3], ARGV[4], ARGV[7], ARGV[8], now, ARGV[5] }, ' ')
if ARGV[2] == 'repair' then
  if card.mark ~= 'CONFLICT' then return { 'NOTHING', card.mark or '' } end
  if not card.desk and card.status == 'in_force' then return { 'NO_READING' } end
  redis.call('HSET', KEYS[4], 'said', said)
  local _, _, _, was, balance, bought = string.match(card.desk or '', '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  local shall = card.L or was
  if not was or was == shall and balance == ARGV[8] then
    mended(a, k, card, uid, now) -- as it is; or nobody will read it any more
  else
    redis.call('HSET', KEYS[4], 'repair', table.concat({ shall, ARGV[8], balance, bought, card.of or '-' }, ' '))
  end
  redis.call('HSET', KEYS[8], 's:card:' .. uid, 'closed', 'd:card:' .. uid, 'closed')
  return { 'DECIDED' }
end
if card.mark ~= 'UNKNOWN_LOAD' then
  -- An earlier version of the card left it, or a load that was lost: no reading tells.
  local lost = string.find(' ' .. (card.lost or '') .. ' ', ' ' .. card.version .. ':' .. text(L - 1) .. ' ', 1, true)
  if card.mark == 'CONFLICT' or not string.find(',' .. a.doubt, ',' .. uid .. ':', 1, true) then
    return { 'NOTHING', card.mark or '' }
  end
  if amount > 0 and not lost then return { 'MOVED', card.lost or '' } end
  if amount > 0 and redis.call('EXISTS', KEYS[6]) == 1 then return { 'CLAIMED', redis.call('GET', KEYS[6]) } end
  redis.call('HSET', KEYS[4], 'said', said, 'lost', '')
  for one in string.gmatch(a.doubt, '([^=,]+)=') do
    if string.sub(one, 1, #uid + 1) == uid .. ':' then doubt(a, one, '') end
  end
  if string.find(',' .. a.freeze, ',mismatch=', 1, true) and not string.find(a.doubt, '=CONFLICT', 1, true) then
    mended(a, k, card, uid, now)
  end
elseif ARGV[7] ~= card.seen then
  return { 'MOVED', card.seen }
elseif amount > 0 and redis.call('EXISTS', KEYS[6]) == 1 then
  return { 'CLAIMED', redis.call('GET', KEYS[6]) }
else
  redis.call('HSET', KEYS[4], 'said', said, 'lost', '')
  card.lost = ''
  if amount > 0 then redis.call('HSET', KEYS[4], 'adopted', card.seen) end
end
if amount > 0 then
  force(a, k, ARGV[9], { account = ARGV[10], card_uid = uid, card_no = card.card_no, version = card.version,
    profile = card.profile, amount = ARGV[8], L0 = text(L - 1), B0 = '0', P0 = '', n = '0' },
    table.concat({ 'decided', ARGV[3], ARGV[4], '-', '-', '-', now }, ' '), now)
  redis.call('HSET', KEYS[5], 'decided', 'adopt', 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
end
if amount > 0 or card.mark == 'UNKNOWN_LOAD' then
  step(k, card, L - 1)
  caughtup(a, k, card, uid)
end
return { 'DECIDED' }
