-- card_recheck: the reading that a tap's challenge asked for, by the same terminal;
-- or one at the card centre's desk, of a card in conflict (load protocol, rules 4, 9
-- and 14).
-- KEYS 1 account  2 entries  3 tot  4 card  5 the open load (4 if none)
--      6 nonce  7 case  8 core's reports
-- ARGV 1 open load or ''  2 account  3 terminal  4 card_no  5 card uid  6 version
--      7 L  8 B  9 P or ''  10 challenge or ''  11 '1' if the terminal is a desk
--      12 now  13 life of the nonce in ms
-- Replies: docs/keys.md.
-- Invariants: only a reading that names a fresh challenge opens a conflict, or takes
-- back a counter that was misread; only one at a desk, after people decided, ends a
-- conflict.
local uid, L, B, P, now = ARGV[5], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], ARGV[12]
if redis.call('EXISTS', KEYS[6]) == 1 then return { 'REPLAY' } end
local card = hash(KEYS[4])
if card.account ~= ARGV[2] then return { 'NO_CARD' } end
if (card.open or '') ~= ARGV[1] then return { 'RETRY' } end
if card.card_no ~= ARGV[4] then return { 'OTHER_CARD', 'card_no' } end
if card.version ~= ARGV[6] then return { 'OTHER_CARD', 'version' } end
local a, load = account(KEYS[1]), {}
if ARGV[1] ~= '' then load = hash(KEYS[5]) end
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], case = KEYS[7] }
local atdesk = ARGV[11] == '1' and card.mark == 'CONFLICT'
local function answers(challenge)
  local value, terminal, till = string.match(challenge or '', '^(%S+) (%S+) (%d+)')
  return value and value == ARGV[10] and terminal == ARGV[3] and tonumber(now) <= tonumber(till)
end
local asked, leapt = answers(card.challenge), answers(card.leapt)
if not asked and not leapt and not atdesk then return { 'CHALLENGE' } end
redis.call('SET', KEYS[6], '1', 'PX', ARGV[13])
if asked then redis.call('HDEL', KEYS[4], 'challenge') end
if leapt then redis.call('HDEL', KEYS[4], 'leapt') end
local evidence = table.concat({ 'recheck', ARGV[3], '-', ARGV[7], ARGV[8], P == '' and '-' or P, now }, ' ')
if atdesk then
  local to, balance, was, bought, load_id = string.match(card.repair or '', '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  redis.call('HSET', KEYS[4], 'desk', evidence)
  if not to then return { 'FILED' } end
  if card.L and to ~= card.L then
    -- The ledger has gone on since they decided.
    redis.call('HDEL', KEYS[4], 'repair')
    return { 'FILED' }
  end
  local unspent = bought == (P == '' and '-' or P)
  if not unspent or ARGV[8] ~= balance and ARGV[8] ~= was then
    -- It was used since they decided: what it shall hold is another question now.
    redis.call('HDEL', KEYS[4], 'repair')
    return { 'FILED' }
  end
  if to ~= ARGV[7] or balance ~= ARGV[8] then return { 'REPAIR', to, balance } end
  redis.call('HSET', KEYS[4], 'mended', load_id)
  mended(a, k, card, uid, now)
  return { 'REPAIRED' }
end
if card.mark == 'CONFLICT' then return { 'CONFLICT' } end
local against, torn
if leapt and card.mark == 'UNKNOWN_LOAD' then
  local was = string.match(card.leapt, '(%S+)$')
  if L >= tonumber(card.seen) then
    ahead(a, KEYS[4], card, uid, L)
    return { 'UNKNOWN_LOAD' }
  end
  if was == '-' then
    card.mark, card.seen = '', nil
    redis.call('HDEL', KEYS[4], 'mark', 'seen')
    relieved(a, card, uid, card.version)
  else
    card.seen = was
    redis.call('HSET', KEYS[4], 'seen', was)
    if card.L and not lost(card, card.version) then caughtup(a, k, card, uid) end
  end
end
if card.mark == 'UNKNOWN_LOAD' and L < tonumber(card.seen) then
  against = true
elseif ARGV[1] == '' then
  against = card.L and L < tonumber(card.L)
elseif L == tonumber(load.L0) then
  torn = shows(load, KEYS[8], B, P) == 'torn'
  against = load.state == 'WRITTEN' or torn
else
  against = L < tonumber(load.L0)
end
if not against then
  -- What the first reading showed was wrong, and this one runs ahead all the same.
  local ledger = ARGV[1] ~= '' and tonumber(load.L0) + 1 or tonumber(card.L or ARGV[7])
  if L > ledger then
    ahead(a, KEYS[4], card, uid, L)
    return { 'UNKNOWN_LOAD' }
  end
  return { 'AGREES' }
end
clash(a, k, card, uid, ARGV[1], load, evidence, now)
-- What a report may explain later is the balance, and nothing else.
if torn and load.state ~= 'WRITTEN' and not load.stepped and (card.mark or '') == '' then
  redis.call('HSET', KEYS[5], 'clash', evidence)
elseif ARGV[1] ~= '' then
  redis.call('HDEL', KEYS[5], 'clash')
end
return { 'CONFLICT' }
