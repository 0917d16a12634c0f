-- load_result: a terminal says what came of a write (load protocol, rules 5, 11
-- and 12). The caller verified the authorisation that the result carries: it is the
-- hub's own word about load, card and amount, also if the hub has lost the load.
-- include cash ledger loads marks suspense
-- KEYS account entries tot card load claim doubt nonce case open tap core claimed count
-- ARGV load_no terminal tap_id n uid version amount L0 outcome L B P now nonce_ms B0 P0 account_no
--     card_no open_no vouched tac newest_amount newest_terminal not_after claimed_no
-- REPLY CONFIRMED amount at | FORCED amount at | DUP amount at state | WRITTEN | IN_DOUBT |
--     CANCELLED | CONFLICT | SUSPENDED | NO_LOAD | OTHER_LOAD field | REPLAY | RETRY
--   nonce: nonce (load if none)
--   open: the card's open load (load if none or the same)
--   core: core's reports
--   claimed: the load that the claim names (load if none)
--   uid: card uid
--   outcome: outcome (written, unknown)
--   L: L read back or ''
--   B: B read back or ''
--   P: P or ''
--   nonce_ms: life of the nonce in ms
--   B0: B0 and
--   P0: P0 of the attempt
--   open_no: the card's open load or ''
--   vouched: '1': the card itself vouches for L and B
--   tac: '1': a TAC proves the load
--   newest_amount: amount and
--   newest_terminal: terminal of the newest load in the card's own log, or ''
--   not_after: until when the authorisation could be used
--   claimed_no: claim, or ''
-- Invariants: a counter step of a card pays for one load; a load is confirmed or
-- forced once; a result that proves nothing moves nothing.
local now, L0 = ARGV.now, tonumber(ARGV.L0)
local written = ARGV.outcome == 'written'
if KEYS.nonce ~= KEYS.load and redis.call('EXISTS', KEYS.nonce) == 1 then return { 'REPLAY' } end
local load, card, a = ledger.hash(KEYS.load), ledger.hash(KEYS.card), ledger.account(KEYS.account)
if not a.status or card.account ~= ARGV.account_no then return { 'NO_LOAD' } end
if (card.open or '') ~= ARGV.open_no then return { 'RETRY' } end
if load.state then
  if load.card_uid ~= ARGV.uid then return { 'OTHER_LOAD', 'card_uid' } end
  if load.version ~= ARGV.version then return { 'OTHER_LOAD', 'version' } end
  if load.amount ~= ARGV.amount then return { 'OTHER_LOAD', 'amount' } end
  if load.L0 ~= ARGV.L0 then return { 'OTHER_LOAD', 'L0' } end
end
local claim = redis.call('GET', KEYS.claim)
if (claim or '') ~= ARGV.claimed_no then return { 'RETRY' } end
-- A step whose money people have taken into suspense is not paid for yet.
local by = claim and claim ~= ARGV.load_no and KEYS.claimed ~= KEYS.load and ledger.hash(KEYS.claimed) or {}
local paid = claim and claim ~= ARGV.load_no and by.state ~= 'SUSPENDED'
-- People decided that it is: they may be wrong, and take it back.
local weak = marks.covered(card, ARGV.version, L0) or by.decided and not by.proven
if KEYS.nonce ~= KEYS.load then redis.call('SET', KEYS.nonce, '1', 'PX', ARGV.nonce_ms) end
if load.state == 'CONFIRMED' or load.state == 'FORCED' then
  redis.call('HINCRBY', KEYS.load, 'dup', '1')
  -- What people had decided is proved now, and no longer theirs to take back.
  if load.decided and written and ARGV.L == ledger.text(L0 + 1) then redis.call('HSET', KEYS.load, 'proven', '1') end
  return { 'DUP', load.amount, load.confirmed, load.state }
end
local dash = function(s) return s == '' and '-' or s end
local evidence = table.concat({ 'result_' .. ARGV.outcome, ARGV.terminal, ARGV.tap_id, dash(ARGV.L), dash(ARGV.B), dash(ARGV.P),
  now }, ' ')
local case = 'load:' .. ARGV.load_no
local k = { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.load, claim = KEYS.claim, doubt = KEYS.doubt,
  case = KEYS.case, core = KEYS.core }

-- Rule 11: the hub does not know the load, or has released it.
if not load.state or load.state == 'CANCELLED' then
  local other = ARGV.open_no ~= '' and KEYS.open ~= KEYS.load and ledger.hash(KEYS.open) or {}
  local unmoved = ARGV.L ~= '' and tonumber(ARGV.L) ~= L0 + 1
  if not written or unmoved then
    -- An attempt that the hub remembers is dead if its load is over; one that it has
    -- lost may have written.
    if load.state then redis.call('HSET', KEYS.load, 'evidence', evidence) end
    local tap = ledger.hash(KEYS.tap)
    -- What people did not know when they cancelled counts as what was lost.
    local told = load.decided ~= 'cancel' or loads.live({ live = load.begun }, ARGV.n, ARGV.terminal .. ':' .. ARGV.tap_id)
    if weak and not tap.dead then
      marks.contest(k, card, ARGV.version, ARGV.L0)
      loads.file(KEYS.case, case, 'claimed', evidence, now)
    end
    if paid or marks.covered(card, ARGV.version, L0) or tap.dead or tap.load and load.state and told then return { 'CANCELLED' } end
    -- The same word again is no news.
    if tap.told then return { marks.listed(card.lost, ARGV.version .. ':' .. ARGV.L0) and 'IN_DOUBT' or 'CANCELLED' } end
    redis.call('HSET', KEYS.tap, 'told', '1')
    loads.file(KEYS.case, case, 'lost', evidence, now)
    local amount = tonumber(ARGV.amount)
    local at = card.version == ARGV.version and (not card.L or card.L == ARGV.L0)
    if ARGV.open_no == '' and at and not claim and a.pending >= amount then
      -- The books have its money still: it is bound again, and the card will tell.
      local who = ARGV.n .. '=' .. ARGV.terminal .. ':' .. ARGV.tap_id
      a.pending, a.load_held = a.pending - amount, a.load_held + amount
      ledger.enter(a, KEYS.entries, 'hold', ARGV.load_no, amount, now)
      ledger.save(a)
      ledger.post(KEYS.tot, { pending = amount, load_held = -amount })
      redis.call('HSET', KEYS.load, 'state', 'IN_DOUBT', 'account', ARGV.account_no, 'card_uid', ARGV.uid, 'card_no', ARGV.card_no,
        'version', ARGV.version, 'profile', card.profile, 'amount', ARGV.amount, 'L0', ARGV.L0, 'B0', ARGV.B0, 'P0', ARGV.P0,
        'n', ARGV.n, 'live', who, 'begun', who, 'had', loads.with(load.had, ARGV.terminal), 'held', now, 'since', ARGV.not_after, 'deadline', now, 'not_after', now, 'dup', '0',
        'confirmed', '', 'evidence', evidence)
      redis.call('HDEL', KEYS.load, 'short', 'stepped', 'clash', 'from', 'decided', 'undone', 'was', 'proven')
      cash.recount(KEYS.load, { since = ARGV.not_after }, card)
      redis.call('HSET', KEYS.card, 'open', ARGV.load_no, 'open_l0', ARGV.L0, 'L', ARGV.L0)
      redis.call('ZADD', KEYS.doubt, now, ARGV.load_no)
    else
      -- It may be on the card, and no money is bound for it: nothing more leaves until
      -- the card's step is paid for, or people decide.
      if not card.L and card.version == ARGV.version then redis.call('HSET', KEYS.card, 'L', ARGV.L0) end
      marks.unsettled(a, k, card, ARGV.uid, ARGV.version, ARGV.L0)
    end
    return { 'IN_DOUBT' }
  end
  if claim and claim ~= ARGV.load_no or marks.covered(card, ARGV.version, L0) then
    -- The step was paid for: by another load, or by what people adopted. What only the
    -- core or people say is not stronger than this.
    loads.file(KEYS.case, case, 'claimed', evidence, now)
    local proven = ARGV.tac == '1' or ARGV.newest_amount == ARGV.amount and ARGV.newest_terminal == ARGV.terminal
    if weak then marks.contest(k, card, ARGV.version, ARGV.L0) end
    if claim and not paid or claim == 'outside' and proven then marks.unsettled(a, k, card, ARGV.uid, ARGV.version, ARGV.L0) end
    return { 'CONFLICT' }
  end
  if loads.open(other) and other.version == ARGV.version and other.L0 == ARGV.L0 then
    loads.cancel(a, { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.open, doubt = KEYS.doubt }, ARGV.open_no, other, evidence,
      now)
  end
  loads.undecided(k, card)
  marks.count_evidence(k)
  loads.force(a, k, ARGV.load_no, load.state and load or { account = ARGV.account_no, card_uid = ARGV.uid, card_no = ARGV.card_no,
    version = ARGV.version, profile = card.profile, amount = ARGV.amount, L0 = ARGV.L0, B0 = ARGV.B0, P0 = ARGV.P0, n = ARGV.n },
    evidence, now)
  local here = card.version == ARGV.version
  local reached = tonumber(here and card.L or card['L:' .. ARGV.version] or ARGV.L0)
  -- Steps that it leaps over may have been written as well.
  for one = reached, math.min(L0 - 1, reached + 1000) do
    if redis.call('HEXISTS', KEYS.core, 'l:' .. ledger.text(one)) == 0 then marks.unsettled(a, k, card, ARGV.uid, ARGV.version, ledger.text(one)) end
  end
  marks.settled(a, k, card, ARGV.uid, ARGV.version, ARGV.L0, ARGV.L0)
  if here then
    loads.step(k, card, L0)
    marks.drop_challenge(k, card)
    if not marks.lost(card, ARGV.version) then marks.counter_caught_up(a, k, card, ARGV.uid) end
  else
    -- The counter belongs to a version that the card no longer has, or has again later.
    local L = math.max(reached, L0 + 1)
    redis.call('HSET', KEYS.card, 'L:' .. ARGV.version, ledger.text(L))
    -- It had been seen as far as this, and every step is paid for.
    local version = ARGV.uid .. ':' .. ARGV.version
    local seen = tonumber(card['seen:' .. ARGV.version] or '0')
    if not marks.lost(card, ARGV.version) and L >= seen and marks.doubted(a, version) == 'UNKNOWN_LOAD' then marks.doubt(a, version, '') end
  end
  return { 'FORCED', ARGV.amount, now }
end

local attempt = ARGV.n .. '=' .. ARGV.terminal .. ':' .. ARGV.tap_id
if not loads.live({ live = load.begun }, ARGV.n, ARGV.terminal .. ':' .. ARGV.tap_id) then
  -- An attempt that reached for the card cannot be taken back as one that did not. One
  -- that the hub has lost is an attempt again.
  redis.call('HSET', KEYS.load, 'begun', loads.with(load.begun, attempt), 'had', loads.with(load.had, ARGV.terminal))
  if loads.open(load) and redis.call('EXISTS', KEYS.tap) == 0 then
    load.live = loads.with(load.live, attempt)
    redis.call('HSET', KEYS.load, 'live', load.live, 'n', ledger.text(math.max(tonumber(load.n), tonumber(ARGV.n))))
  end
end
redis.call('HSET', KEYS.load, 'evidence', evidence)
if load.state == 'CONFLICT' then return { 'CONFLICT' } end
local shown = tonumber(ARGV.L) == L0 + 1 and tonumber(ARGV.B) == tonumber(ARGV.B0) + tonumber(load.amount)
local logged = ARGV.newest_amount == load.amount and ARGV.newest_terminal == ARGV.terminal
local proof = written and (ARGV.tac == '1' or shown and (load.profile == 'stamp' or load.profile == 'epurse' and ARGV.vouched == '1'
  or load.profile == 'shared' and logged))
if load.state == 'SUSPENDED' then
  if not proof then return { 'SUSPENDED' } end
  -- The card is the arbiter, also of what people could not say.
  suspense.found(a, k, card, ARGV.load_no, load, evidence, now)
  redis.call('HSET', KEYS.load, 'proven', '1')
  return { 'CONFIRMED', load.amount, now }
end
if claim == 'outside' and proof then
  -- The card says that it was this load, the core that it was another machine's.
  redis.call('HSET', KEYS.load, 'state', 'WRITTEN', 'stepped', '1')
  loads.file(KEYS.case, case, 'claimed', evidence, now)
  return { 'WRITTEN' }
end
if claim and claim ~= ARGV.load_no then
  -- The step was paid for: this load cannot be on the card, whoever says so.
  loads.cancel(a, k, ARGV.load_no, load, evidence, now)
  loads.file(KEYS.case, case, 'claimed', evidence, now)
  return { 'CONFLICT' }
end
if proof then
  loads.confirm(a, k, card, ARGV.load_no, load, evidence, now)
  return { 'CONFIRMED', load.amount, now }
end
if ARGV.L == ledger.text(L0 + 1) then redis.call('HSET', KEYS.load, 'stepped', '1') end
if load.short then return { 'WRITTEN' } end
if written or load.state == 'WRITTEN' then
  redis.call('HSET', KEYS.load, 'state', 'WRITTEN')
  return { 'WRITTEN' }
end
redis.call('HSET', KEYS.load, 'state', 'IN_DOUBT')
return { 'IN_DOUBT' }
