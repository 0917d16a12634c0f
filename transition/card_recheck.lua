-- card_recheck: the reading that a tap's challenge asked for, by the same terminal;
-- or one at the card centre's desk, of a card in conflict (load protocol, rules 4, 9
-- and 14).
-- include cash conflicts ledger marks
-- KEYS account entries tot card open nonce case core count
-- ARGV open_no account_no terminal card_no uid version L B P challenge desk now nonce_ms
-- REPLY AGREES | CONFLICT | UNKNOWN_LOAD | FILED | REPAIR L B | REPAIRED | CHALLENGE | NO_CARD |
--     OTHER_CARD field | REPLAY | RETRY
--   open: the open load (card if none)
--   core: core's reports
--   open_no: open load or ''
--   uid: card uid
--   P: P or ''
--   challenge: challenge or ''
--   desk: '1' if the terminal is a desk
--   nonce_ms: life of the nonce in ms
--   UNKNOWN_LOAD: its counter is ahead indeed
-- Invariants: only a reading that names a fresh challenge opens a conflict, or takes
-- back a counter that was misread; only one at a desk, after people decided, ends a
-- conflict.
local uid, L, B, P, now = ARGV.uid, tonumber(ARGV.L), tonumber(ARGV.B), ARGV.P, ARGV.now
if redis.call('EXISTS', KEYS.nonce) == 1 then return { 'REPLAY' } end
local card = ledger.hash(KEYS.card)
if card.account ~= ARGV.account_no then return { 'NO_CARD' } end
if (card.open or '') ~= ARGV.open_no then return { 'RETRY' } end
if card.card_no ~= ARGV.card_no then return { 'OTHER_CARD', 'card_no' } end
if card.version ~= ARGV.version then return { 'OTHER_CARD', 'version' } end
local a, load = ledger.account(KEYS.account), {}
if ARGV.open_no ~= '' then load = ledger.hash(KEYS.open) end
local k = { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.open, case = KEYS.case }
local atdesk = ARGV.desk == '1' and card.mark == 'CONFLICT'
local function answers(challenge)
  local value, terminal, till = string.match(challenge or '', '^(%S+) (%S+) (%d+)')
  return value and value == ARGV.challenge and terminal == ARGV.terminal and tonumber(now) <= tonumber(till)
end
local asked, leapt = answers(card.challenge), answers(card.leapt)
if not asked and not leapt and not atdesk then return { 'CHALLENGE' } end
redis.call('SET', KEYS.nonce, '1', 'PX', ARGV.nonce_ms)
if asked then redis.call('HDEL', KEYS.card, 'challenge') end
if leapt then redis.call('HDEL', KEYS.card, 'leapt') end
local evidence = table.concat({ 'recheck', ARGV.terminal, '-', ARGV.L, ARGV.B, P == '' and '-' or P, now }, ' ')
if atdesk then
  local to, balance, was, bought, load_id = string.match(card.repair or '', '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  redis.call('HSET', KEYS.card, 'desk', evidence)
  if not to then return { 'FILED' } end
  if card.L and to ~= card.L then
    -- The ledger has gone on since they decided.
    redis.call('HDEL', KEYS.card, 'repair')
    return { 'FILED' }
  end
  local unspent = bought == (P == '' and '-' or P)
  if not unspent or ARGV.B ~= balance and ARGV.B ~= was then
    -- It was used since they decided: what it shall hold is another question now.
    redis.call('HDEL', KEYS.card, 'repair')
    return { 'FILED' }
  end
  if to ~= ARGV.L or balance ~= ARGV.B then return { 'REPAIR', to, balance } end
  redis.call('HSET', KEYS.card, 'mended', load_id)
  conflicts.mended(a, k, card, uid, now)
  return { 'REPAIRED' }
end
if card.mark == 'CONFLICT' then return { 'CONFLICT' } end
local against, torn
if leapt and card.mark == 'UNKNOWN_LOAD' then
  local was = string.match(card.leapt, '(%S+)$')
  if L >= tonumber(card.seen) then
    marks.counter_ahead(a, KEYS.card, card, uid, L)
    return { 'UNKNOWN_LOAD' }
  end
  if was == '-' then
    card.mark, card.seen = '', nil
    redis.call('HDEL', KEYS.card, 'mark', 'seen')
    marks.clear_mark(a, card, uid, card.version)
  else
    card.seen = was
    redis.call('HSET', KEYS.card, 'seen', was)
    if card.L and not marks.lost(card, card.version) then marks.counter_caught_up(a, k, card, uid) end
  end
end
if card.mark == 'UNKNOWN_LOAD' and L < tonumber(card.seen) then
  against = true
elseif ARGV.open_no == '' then
  against = card.L and L < tonumber(card.L)
elseif L == tonumber(load.L0) then
  torn = cash.shows(load, KEYS.core, B, P) == 'torn'
  against = load.state == 'WRITTEN' or torn
else
  against = L < tonumber(load.L0)
end
if not against then
  -- What the first reading showed was wrong, and this one runs ahead all the same.
  local reached = ARGV.open_no ~= '' and tonumber(load.L0) + 1 or tonumber(card.L or ARGV.L)
  if L > reached then
    marks.counter_ahead(a, KEYS.card, card, uid, L)
    return { 'UNKNOWN_LOAD' }
  end
  return { 'AGREES' }
end
conflicts.clash(a, k, card, uid, ARGV.open_no, evidence, now)
-- What a report may explain later is the balance, and nothing else.
if torn and load.state ~= 'WRITTEN' and not load.stepped and (card.mark or '') == '' then
  redis.call('HSET', KEYS.open, 'clash', evidence)
elseif ARGV.open_no ~= '' then
  redis.call('HDEL', KEYS.open, 'clash')
end
return { 'CONFLICT' }
