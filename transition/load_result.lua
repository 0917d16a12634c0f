-- load_result: a terminal says what came of a write (load protocol, rules 5, 11
-- and 12). The caller verified the authorisation that the result carries: it is the
-- hub's own word about load, card and amount, also if the hub has lost the load.
-- KEYS 1 account  2 entries  3 tot  4 card  5 load  6 claim  7 doubt
--      8 nonce (5 if none)  9 case  10 the card's open load (5 if none or the same)
--      11 tap  12 core's reports  13 the load that the claim names (5 if none)
-- ARGV 1 load  2 terminal  3 tap  4 n  5 card uid  6 version  7 amount  8 L0
--      9 outcome (written, unknown)  10 L read back or ''  11 B read back or ''
--      12 P or ''  13 now  14 life of the nonce in ms  15 B0 and 16 P0 of the attempt
--      17 account  18 card_no  19 the card's open load or ''
--      20 '1': the card itself vouches for L and B  21 '1': a TAC proves the load
--      22 amount and 23 terminal of the newest load in the card's own log, or ''
--      24 until when the authorisation could be used  25 claim, or ''
-- Replies: docs/keys.md.
-- Invariants: a counter step of a card pays for one load; a load is confirmed or
-- forced once; a result that proves nothing moves nothing.
local now, L0 = ARGV[13], tonumber(ARGV[8])
local written = ARGV[9] == 'written'
if KEYS[8] ~= KEYS[5] and redis.call('EXISTS', KEYS[8]) == 1 then return { 'REPLAY' } end
local load, card, a = hash(KEYS[5]), hash(KEYS[4]), account(KEYS[1])
if not a.status or card.account ~= ARGV[17] then return { 'NO_LOAD' } end
if (card.open or '') ~= ARGV[19] then return { 'RETRY' } end
if load.state then
  if load.card_uid ~= ARGV[5] then return { 'OTHER_LOAD', 'card_uid' } end
  if load.version ~= ARGV[6] then return { 'OTHER_LOAD', 'version' } end
  if load.amount ~= ARGV[7] then return { 'OTHER_LOAD', 'amount' } end
  if load.L0 ~= ARGV[8] then return { 'OTHER_LOAD', 'L0' } end
end
local claim = redis.call('GET', KEYS[6])
if (claim or '') ~= ARGV[25] then return { 'RETRY' } end
-- A step whose money people have taken into suspense is not paid for yet.
local by = claim and claim ~= ARGV[1] and KEYS[13] ~= KEYS[5] and hash(KEYS[13]) or {}
local paid = claim and claim ~= ARGV[1] and by.state ~= 'SUSPENDED'
-- People decided that it is: they may be wrong, and take it back.
local weak = covered(card, ARGV[6], L0) or by.decided and not by.proven
if KEYS[8] ~= KEYS[5] then redis.call('SET', KEYS[8], '1', 'PX', ARGV[14]) end
if load.state == 'CONFIRMED' or load.state == 'FORCED' then
  redis.call('HINCRBY', KEYS[5], 'dup', '1')
  -- What people had decided is proved now, and no longer theirs to take back.
  if load.decided and written and ARGV[10] == text(L0 + 1) then redis.call('HSET', KEYS[5], 'proven', '1') end
  return { 'DUP', load.amount, load.confirmed, load.state }
end
local dash = function(s) return s == '' and '-' or s end
local evidence = table.concat({ 'result_' .. ARGV[9], ARGV[2], ARGV[3], dash(ARGV[10]), dash(ARGV[11]), dash(ARGV[12]),
  now }, ' ')
local case = 'load:' .. ARGV[1]
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7],
  case = KEYS[9], core = KEYS[12] }

-- Rule 11: the hub does not know the load, or has released it.
if not load.state or load.state == 'CANCELLED' then
  local other = ARGV[19] ~= '' and KEYS[10] ~= KEYS[5] and hash(KEYS[10]) or {}
  local unmoved = ARGV[10] ~= '' and tonumber(ARGV[10]) ~= L0 + 1
  if not written or unmoved then
    -- An attempt that the hub remembers is dead if its load is over; one that it has
    -- lost may have written.
    if load.state then redis.call('HSET', KEYS[5], 'evidence', evidence) end
    local tap = hash(KEYS[11])
    -- What people did not know when they cancelled counts as what was lost.
    local told = load.decided ~= 'cancel' or live({ live = load.begun }, ARGV[4], ARGV[2] .. ':' .. ARGV[3])
    if weak and not tap.dead then
      contest(k, card, ARGV[6], ARGV[8])
      file(KEYS[9], case, 'claimed', evidence, now)
    end
    if paid or covered(card, ARGV[6], L0) or tap.dead or tap.load and load.state and told then return { 'CANCELLED' } end
    -- The same word again is no news.
    if tap.told then return { listed(card.lost, ARGV[6] .. ':' .. ARGV[8]) and 'IN_DOUBT' or 'CANCELLED' } end
    redis.call('HSET', KEYS[11], 'told', '1')
    file(KEYS[9], case, 'lost', evidence, now)
    local amount = tonumber(ARGV[7])
    local at = card.version == ARGV[6] and (not card.L or card.L == ARGV[8])
    if ARGV[19] == '' and at and not claim and a.pending >= amount then
      -- The books have its money still: it is bound again, and the card will tell.
      local who = ARGV[4] .. '=' .. ARGV[2] .. ':' .. ARGV[3]
      a.pending, a.load_held = a.pending - amount, a.load_held + amount
      enter(a, KEYS[2], 'hold', ARGV[1], amount, now)
      save(a)
      post(KEYS[3], { pending = amount, load_held = -amount })
      redis.call('HSET', KEYS[5], 'state', 'IN_DOUBT', 'account', ARGV[17], 'card_uid', ARGV[5], 'card_no', ARGV[18],
        'version', ARGV[6], 'profile', card.profile, 'amount', ARGV[7], 'L0', ARGV[8], 'B0', ARGV[15], 'P0', ARGV[16],
        'n', ARGV[4], 'live', who, 'begun', who, 'had', with(load.had, ARGV[2]), 'held', now, 'since', ARGV[24], 'deadline', now, 'not_after', now, 'dup', '0',
        'confirmed', '', 'evidence', evidence)
      redis.call('HDEL', KEYS[5], 'short', 'stepped', 'clash', 'from', 'decided', 'undone', 'was', 'proven')
      recount(KEYS[5], { since = ARGV[24] }, card)
      redis.call('HSET', KEYS[4], 'open', ARGV[1], 'open_l0', ARGV[8], 'L', ARGV[8])
      redis.call('ZADD', KEYS[7], now, ARGV[1])
    else
      -- It may be on the card, and no money is bound for it: nothing more leaves until
      -- the card's step is paid for, or people decide.
      if not card.L and card.version == ARGV[6] then redis.call('HSET', KEYS[4], 'L', ARGV[8]) end
      unsettled(a, k, card, ARGV[5], ARGV[6], ARGV[8])
    end
    return { 'IN_DOUBT' }
  end
  if claim and claim ~= ARGV[1] or covered(card, ARGV[6], L0) then
    -- The step was paid for: by another load, or by what people adopted. What only the
    -- core or people say is not stronger than this.
    file(KEYS[9], case, 'claimed', evidence, now)
    local proven = ARGV[21] == '1' or ARGV[22] == ARGV[7] and ARGV[23] == ARGV[2]
    if weak then contest(k, card, ARGV[6], ARGV[8]) end
    if claim and not paid or claim == 'outside' and proven then unsettled(a, k, card, ARGV[5], ARGV[6], ARGV[8]) end
    return { 'CONFLICT' }
  end
  if open(other) and other.version == ARGV[6] and other.L0 == ARGV[8] then
    cancel(a, { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[10], doubt = KEYS[7] }, ARGV[19], other, evidence,
      now)
  end
  undecided(k, card)
  evident(k)
  force(a, k, ARGV[1], load.state and load or { account = ARGV[17], card_uid = ARGV[5], card_no = ARGV[18],
    version = ARGV[6], profile = card.profile, amount = ARGV[7], L0 = ARGV[8], B0 = ARGV[15], P0 = ARGV[16], n = ARGV[4] },
    evidence, now)
  local here = card.version == ARGV[6]
  local ledger = tonumber(here and card.L or card['L:' .. ARGV[6]] or ARGV[8])
  -- Steps that it leaps over may have been written as well.
  for one = ledger, math.min(L0 - 1, ledger + 1000) do
    if redis.call('HEXISTS', KEYS[12], 'l:' .. text(one)) == 0 then unsettled(a, k, card, ARGV[5], ARGV[6], text(one)) end
  end
  settled(a, k, card, ARGV[5], ARGV[6], ARGV[8], ARGV[8])
  if here then
    step(k, card, L0)
    calm(k, card)
    if not lost(card, ARGV[6]) then caughtup(a, k, card, ARGV[5]) end
  else
    -- The counter belongs to a version that the card no longer has, or has again later.
    local L = math.max(ledger, L0 + 1)
    redis.call('HSET', KEYS[4], 'L:' .. ARGV[6], text(L))
    -- It had been seen as far as this, and every step is paid for.
    local version = ARGV[5] .. ':' .. ARGV[6]
    local seen = tonumber(card['seen:' .. ARGV[6]] or '0')
    if not lost(card, ARGV[6]) and L >= seen and doubted(a, version) == 'UNKNOWN_LOAD' then doubt(a, version, '') end
  end
  return { 'FORCED', ARGV[7], now }
end

local attempt = ARGV[4] .. '=' .. ARGV[2] .. ':' .. ARGV[3]
if not live({ live = load.begun }, ARGV[4], ARGV[2] .. ':' .. ARGV[3]) then
  -- An attempt that reached for the card cannot be taken back as one that did not. One
  -- that the hub has lost is an attempt again.
  redis.call('HSET', KEYS[5], 'begun', with(load.begun, attempt), 'had', with(load.had, ARGV[2]))
  if open(load) and redis.call('EXISTS', KEYS[11]) == 0 then
    load.live = with(load.live, attempt)
    redis.call('HSET', KEYS[5], 'live', load.live, 'n', text(math.max(tonumber(load.n), tonumber(ARGV[4]))))
  end
end
redis.call('HSET', KEYS[5], 'evidence', evidence)
if load.state == 'CONFLICT' then return { 'CONFLICT' } end
local shown = tonumber(ARGV[10]) == L0 + 1 and tonumber(ARGV[11]) == tonumber(ARGV[15]) + tonumber(load.amount)
local logged = ARGV[22] == load.amount and ARGV[23] == ARGV[2]
local proof = written and (ARGV[21] == '1' or shown and (load.profile == 'stamp' or load.profile == 'epurse' and ARGV[20] == '1'
  or load.profile == 'shared' and logged))
if load.state == 'SUSPENDED' then
  if not proof then return { 'SUSPENDED' } end
  -- The card is the arbiter, also of what people could not say.
  found(a, k, card, ARGV[1], load, evidence, now)
  redis.call('HSET', KEYS[5], 'proven', '1')
  return { 'CONFIRMED', load.amount, now }
end
if claim == 'outside' and proof then
  -- The card says that it was this load, the core that it was another machine's.
  redis.call('HSET', KEYS[5], 'state', 'WRITTEN', 'stepped', '1')
  file(KEYS[9], case, 'claimed', evidence, now)
  return { 'WRITTEN' }
end
if claim and claim ~= ARGV[1] then
  -- The step was paid for: this load cannot be on the card, whoever says so.
  cancel(a, k, ARGV[1], load, evidence, now)
  file(KEYS[9], case, 'claimed', evidence, now)
  return { 'CONFLICT' }
end
if proof then
  confirm(a, k, card, ARGV[1], load, evidence, now)
  return { 'CONFIRMED', load.amount, now }
end
if ARGV[10] == text(L0 + 1) then redis.call('HSET', KEYS[5], 'stepped', '1') end
if load.short then return { 'WRITTEN' } end
if written or load.state == 'WRITTEN' then
  redis.call('HSET', KEYS[5], 'state', 'WRITTEN')
  return { 'WRITTEN' }
end
redis.call('HSET', KEYS[5], 'state', 'IN_DOUBT')
return { 'IN_DOUBT' }
