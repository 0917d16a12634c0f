-- tap: a card is at a terminal. First what the card proves about an open load,
-- then, if nothing stands against it, money for the card (load protocol, rules 1
-- to 4, 9, 10 and 15).
-- KEYS 1 account  2 entries  3 tot  4 card  5 doubt  6 tap  7 nonce
--      8 the open load (9 if none)  9 the new load  10 claim of the open load
--      (of nothing: claim of L)  11 case  12 core's reports  13 epoch
-- ARGV 1 open load or ''  2 new load  3 account  4 terminal  5 tap  6 card_no
--      7 card uid  8 version  9 L  10 B  11 P or ''  12 fingerprint  13 now
--      14 not after  15 deadline  16 life of the nonce in ms
--      17 '1': the card itself vouches for L and B  18 '1': a TAC proves the open
--      load  19 amount and 20 terminal of the newest load in the card's own log,
--      or ''  21 challenge to give, with 22 its end  23 '1' if nothing may be offered
-- Replies: docs/keys.md.
-- Invariants: one open load a card; its amount never changes; a tap ends no
-- attempt and cancels nothing but a load whose counter step another one paid for;
-- the hold and its authorisation are one step.
local open_id, now, L, B, P = ARGV[1], ARGV[13], tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local uid, who, tac = ARGV[7], ARGV[4] .. ':' .. ARGV[5], ARGV[18] == '1'
if redis.call('EXISTS', KEYS[7]) == 1 then return { 'REPLAY' } end
local card = hash(KEYS[4])
if card.account ~= ARGV[3] then return { 'NO_CARD' } end
if (card.open or '') ~= open_id then return { 'RETRY' } end
local a, load, tap = account(KEYS[1]), {}, hash(KEYS[6])
if open_id ~= '' then load = hash(KEYS[8]) end
if open_id ~= '' and not open(load) then return { 'RETRY' } end
if tap.fp and tap.fp ~= ARGV[12] then return { 'TAP_CONFLICT' } end
if card.card_no ~= ARGV[6] then return { 'OTHER_CARD', 'card_no' } end
if card.version ~= ARGV[8] then return { 'OTHER_CARD', 'version' } end
redis.call('SET', KEYS[7], '1', 'PX', ARGV[16])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[8], claim = KEYS[10], doubt = KEYS[5],
  core = KEYS[12] }

local confirmed, confirmed_amount = '', '0'
local function answer(tag, id, n, l, not_after, challenge)
  if not l then
    return { tag, text(a.pending), confirmed, confirmed_amount, '', '', '', '', '', '', '', challenge or '' }
  end
  return { tag, text(a.pending), confirmed, confirmed_amount, id, text(n), l.amount, l.L0, l.B0, l.P0, not_after, '' }
end
local function grant(id, l, n)
  redis.call('HSET', KEYS[6], 'load', id, 'n', text(n), 'not_after', ARGV[14], 'fp', ARGV[12], 'B0', l.B0, 'P0', l.P0,
    'confirmed', confirmed, 'confirmed_amount', confirmed_amount)
  redis.call('ZADD', KEYS[5], ARGV[15], id)
  return answer('OFFER', id, n, l, ARGV[14])
end
-- Whether this reading is real is asked of the same terminal, in the same presence:
-- it may be a repeat that was under way for a long time.
local function reread()
  redis.call('HSET', KEYS[4], 'challenge', table.concat({ ARGV[21], ARGV[4], ARGV[22] }, ' '))
  return answer('REREAD', nil, nil, nil, nil, ARGV[21])
end
-- Rule 10. Nothing is offered or refunded from now on; a counter that was misread is
-- taken back by a re-reading in the same presence.
local function leapt()
  if card.mark == 'UNKNOWN_LOAD' and L < tonumber(card.seen) then return reread() end
  local was = card.mark == 'UNKNOWN_LOAD' and card.seen or '-'
  if was == ARGV[9] then
    -- The answer may have been lost: the same terminal gets its challenge again.
    local value, terminal = string.match(card.leapt or '', '^(%S+) (%S+)')
    return answer('UNKNOWN_LOAD', nil, nil, nil, nil, terminal == ARGV[4] and value or '')
  end
  ahead(a, KEYS[4], card, uid, L)
  redis.call('HSET', KEYS[4], 'leapt', table.concat({ ARGV[21], ARGV[4], ARGV[22], was }, ' '))
  return answer('UNKNOWN_LOAD', nil, nil, nil, nil, ARGV[21])
end

-- Rule 2: the same tap again gets what it got, or nothing ever more.
if tap.dead or tap.fp then
  redis.call('HINCRBY', KEYS[6], 'dup', '1')
  confirmed, confirmed_amount = tap.confirmed or '', tap.confirmed_amount or '0'
  if tap.dead or tap.load ~= open_id or not live(load, tap.n, who) then return answer('DEAD') end
  if (card.mark or '') ~= '' then return answer(card.mark) end
  if load.state == 'WRITTEN' then return answer('WRITTEN') end
  if card.status ~= 'in_force' then return answer('NOT_IN_FORCE') end
  if a.status ~= 'open' then return answer('CLOSED') end
  if a.freeze ~= '' then return answer('FROZEN') end
  if ARGV[23] == '1' then return answer('CLOCK') end
  load.B0, load.P0 = tap.B0, tap.P0
  return answer('OFFER', open_id, tonumber(tap.n), load, tap.not_after)
end
if card.mark == 'CONFLICT' then return answer('CONFLICT') end
local evidence = table.concat({ 'tap', ARGV[4], ARGV[5], ARGV[9], ARGV[10], P == '' and '-' or P, now }, ' ')

-- Rule 4: what the counter says of the open load.
if open_id ~= '' then
  local L0, amount = tonumber(load.L0), tonumber(load.amount)
  local B0 = tonumber(load.B0) + tonumber(load.topped or '0')
  local claim = redis.call('GET', KEYS[10])
  if L < L0 then return reread() end
  if L > L0 + 1 then return leapt() end
  local logged = ARGV[19] == load.amount and string.find(',' .. (load.live or ''), '=' .. ARGV[20] .. ':', 1, true)
  if L == L0 + 1 and claim == 'outside' and (tac or logged) then
    -- The card says that it was this load, the core that it was another machine's.
    redis.call('HSET', KEYS[8], 'state', 'WRITTEN', 'evidence', evidence, 'stepped', '1')
    file(KEYS[11], 'load:' .. open_id, 'claimed', evidence, now)
    return answer('WRITTEN')
  end
  if L == L0 + 1 and claim and claim ~= open_id then
    cancel(a, k, open_id, load, evidence, now)
    open_id = ''
    step(k, card, L0)
  elseif L == L0 + 1 then
    -- Another machine may have moved a shared counter.
    if load.profile == 'shared' and not tac and not logged then
      if load.state ~= 'WRITTEN' then load.state = 'IN_DOUBT' end
      redis.call('HSET', KEYS[8], 'state', load.state, 'evidence', evidence, 'stepped', '1')
      return answer(load.state)
    end
    if load.profile == 'epurse' and not tac and ARGV[17] ~= '1' then
      redis.call('HSET', KEYS[8], 'state', 'WRITTEN', 'evidence', evidence, 'stepped', '1')
      return answer('WRITTEN')
    end
    -- Once the balance was short, a purchase cannot make it right; and purchases
    -- are never taken back.
    local unspent = P ~= '' and P == load.P0
    local backwards = P ~= '' and load.P0 ~= '' and tonumber(P) < tonumber(load.P0)
    if not tac and (load.short or backwards or unspent and not reached(load, B, B0 + amount)
      or B > most(load, B0 + amount)) then
      redis.call('HSET', KEYS[8], 'state', 'WRITTEN', 'evidence', evidence, 'short', ARGV[10], 'stepped', '1')
      file(KEYS[11], 'load:' .. open_id, 'balance', evidence, now)
      return answer('WRITTEN')
    end
    confirm(a, k, card, open_id, load, evidence, now)
    confirmed, confirmed_amount, open_id = open_id, load.amount, ''
  elseif load.state == 'WRITTEN' then
    return reread()
  else
    local shown = shows(load, KEYS[12], B, P)
    if shown ~= 'same' then
      redis.call('HSET', KEYS[8], 'state', 'IN_DOUBT', 'evidence', evidence)
      if shown == 'torn' then return reread() end
      return answer('IN_DOUBT')
    end
  end
end

if open_id == '' and card.L and L < tonumber(card.L) then return reread() end
if open_id == '' and card.L and L > tonumber(card.L) or card.mark == 'UNKNOWN_LOAD' then return leapt() end
if open_id == '' and card.L and card.shown ~= card.L then redis.call('HSET', KEYS[4], 'shown', card.L) end
calm(k, card)
-- What another card, or this one before it was personalised anew, may hold of the
-- account's money is not offered once more.
for who, why in string.gmatch(a.doubt, '([^=,]+)=([A-Z_]+)') do
  if who ~= uid .. ':' .. card.version or why == 'UNKNOWN_LOAD' then return answer('UNKNOWN_LOAD') end
end
if card.status ~= 'in_force' then return answer('NOT_IN_FORCE') end
if a.status ~= 'open' then return answer('CLOSED') end
if a.freeze ~= '' then return answer('FROZEN') end
if ARGV[23] == '1' then return answer('CLOCK') end

-- Rule 3: the same load once more, for this terminal.
if open_id ~= '' then
  local n = tonumber(load.n) + 1
  local others = load.live == '' and '' or load.live .. ','
  load.B0, load.P0 = ARGV[10], P
  redis.call('HSET', KEYS[8], 'state', 'HELD', 'n', text(n), 'live', others .. text(n) .. '=' .. who,
    'had', with(load.had, ARGV[4]), 'B0', ARGV[10], 'P0', P, 'since', now, 'deadline', ARGV[15], 'not_after', ARGV[14])
  load.since = now
  recount(KEYS[8], load, card)
  return grant(open_id, load, n)
end

-- Rule 15: while the hub looks for what it may have lost, it takes no counter on trust.
local recovery = redis.call('HGET', KEYS[13], 'recovery')
if recovery and recovery ~= '' then return answer('RECOVERY') end

-- Rule 1: a new load over all that is pending.
if a.pending <= 0 then
  if not card.L then redis.call('HSET', KEYS[4], 'L', ARGV[9]) end
  return answer('NOTHING')
end
local amount = a.pending
a.pending, a.load_held = 0, a.load_held + amount
enter(a, KEYS[2], 'hold', ARGV[2], amount, now)
save(a)
post(KEYS[3], { pending = amount, load_held = -amount })
local fresh = { amount = text(amount), L0 = ARGV[9], B0 = ARGV[10], P0 = P }
redis.call('HSET', KEYS[9], 'state', 'HELD', 'account', ARGV[3], 'card_uid', uid, 'card_no', ARGV[6],
  'version', ARGV[8], 'profile', card.profile, 'amount', fresh.amount, 'L0', fresh.L0, 'B0', fresh.B0, 'P0', P,
  'n', '1', 'live', '1=' .. who, 'had', ARGV[4], 'held', now, 'since', now, 'deadline', ARGV[15], 'not_after', ARGV[14], 'dup', '0')
redis.call('HSET', KEYS[4], 'open', ARGV[2], 'open_l0', ARGV[9], 'L', ARGV[9])
if card.cash then recount(KEYS[9], { since = now }, card) end
return grant(ARGV[2], fresh, 1)
