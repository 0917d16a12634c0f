-- tap: a card is at a terminal. First what the card proves about an open load,
-- then, if nothing stands against it, money for the card (load protocol, rules 1
-- to 4, 9, 10 and 15).
-- include cash ledger loads marks
-- KEYS account entries tot card doubt tap nonce open new claim case core epoch count
-- ARGV open_no new_no account_no terminal tap_id card_no uid version L B P fingerprint now
--     not_after deadline nonce_ms vouched tac newest_amount newest_terminal challenge
--     challenge_until offer_nothing
-- REPLY OFFER, NOTHING, FROZEN, CLOSED, NOT_IN_FORCE, REREAD, IN_DOUBT, WRITTEN, UNKNOWN_LOAD,
--     CONFLICT, RECOVERY, CLOCK, DEAD pending confirmed confirmed_amount load n amount L0 B0 P0
--     not_after challenge | NO_CARD | OTHER_CARD field | REPLAY | TAP_CONFLICT | RETRY
--   open: the open load (new if none)
--   claim: claim of the open load (of nothing: claim of L)
--   core: core's reports
--   open_no: open load or ''
--   P: '' if the card has no purchase counter
--   nonce_ms: life of the nonce in ms
--   vouched: '1': the card itself vouches for L and B
--   tac: '1': a TAC proves the open load
--   newest_amount, newest_terminal: of the newest load in the card's own log, or ''
--   challenge, challenge_until: what may be given, and its end
--   offer_nothing: '1' if nothing may be offered
--   REREAD: with the challenge
--   UNKNOWN_LOAD: with one if it is news
-- Invariants: one open load a card; its amount never changes; a tap ends no
-- attempt and cancels nothing but a load whose counter step another one paid for;
-- the hold and its authorisation are one step.
local open_id, now, L, B, P = ARGV.open_no, ARGV.now, tonumber(ARGV.L), tonumber(ARGV.B), ARGV.P
local uid, who, tac = ARGV.uid, ARGV.terminal .. ':' .. ARGV.tap_id, ARGV.tac == '1'
if redis.call('EXISTS', KEYS.nonce) == 1 then return { 'REPLAY' } end
local card = ledger.hash(KEYS.card)
if card.account ~= ARGV.account_no then return { 'NO_CARD' } end
if (card.open or '') ~= open_id then return { 'RETRY' } end
local a, load, tap = ledger.account(KEYS.account), {}, ledger.hash(KEYS.tap)
if open_id ~= '' then load = ledger.hash(KEYS.open) end
if open_id ~= '' and not loads.open(load) then return { 'RETRY' } end
if tap.fp and tap.fp ~= ARGV.fingerprint then return { 'TAP_CONFLICT' } end
if card.card_no ~= ARGV.card_no then return { 'OTHER_CARD', 'card_no' } end
if card.version ~= ARGV.version then return { 'OTHER_CARD', 'version' } end
redis.call('SET', KEYS.nonce, '1', 'PX', ARGV.nonce_ms)
local k = { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.open, claim = KEYS.claim, doubt = KEYS.doubt,
  core = KEYS.core }

local confirmed, confirmed_amount = '', '0'
local function answer(tag, id, n, l, not_after, challenge)
  if not l then
    return { tag, ledger.text(a.pending), confirmed, confirmed_amount, '', '', '', '', '', '', '', challenge or '' }
  end
  return { tag, ledger.text(a.pending), confirmed, confirmed_amount, id, ledger.text(n), l.amount, l.L0, l.B0, l.P0, not_after, '' }
end
local function grant(id, l, n)
  redis.call('HSET', KEYS.tap, 'load', id, 'n', ledger.text(n), 'not_after', ARGV.not_after, 'fp', ARGV.fingerprint, 'B0', l.B0, 'P0', l.P0,
    'confirmed', confirmed, 'confirmed_amount', confirmed_amount)
  redis.call('ZADD', KEYS.doubt, ARGV.deadline, id)
  return answer('OFFER', id, n, l, ARGV.not_after)
end
-- Whether this reading is real is asked of the same terminal, in the same presence:
-- it may be a repeat that was under way for a long time.
local function reread()
  redis.call('HSET', KEYS.card, 'challenge', table.concat({ ARGV.challenge, ARGV.terminal, ARGV.challenge_until }, ' '))
  return answer('REREAD', nil, nil, nil, nil, ARGV.challenge)
end
-- Rule 10. Nothing is offered or refunded from now on; a counter that was misread is
-- taken back by a re-reading in the same presence.
local function counter_ahead()
  if card.mark == 'UNKNOWN_LOAD' and L < tonumber(card.seen) then return reread() end
  local was = card.mark == 'UNKNOWN_LOAD' and card.seen or '-'
  if was == ARGV.L then
    -- The answer may have been lost: the same terminal gets its challenge again.
    local value, terminal = string.match(card.leapt or '', '^(%S+) (%S+)')
    return answer('UNKNOWN_LOAD', nil, nil, nil, nil, terminal == ARGV.terminal and value or '')
  end
  marks.counter_ahead(a, KEYS.card, card, uid, L)
  redis.call('HSET', KEYS.card, 'leapt', table.concat({ ARGV.challenge, ARGV.terminal, ARGV.challenge_until, was }, ' '))
  return answer('UNKNOWN_LOAD', nil, nil, nil, nil, ARGV.challenge)
end

-- Rule 2: the same tap again gets what it got, or nothing ever more.
if tap.dead or tap.fp then
  redis.call('HINCRBY', KEYS.tap, 'dup', '1')
  confirmed, confirmed_amount = tap.confirmed or '', tap.confirmed_amount or '0'
  if tap.dead or tap.load ~= open_id or not loads.live(load, tap.n, who) then return answer('DEAD') end
  if (card.mark or '') ~= '' then return answer(card.mark) end
  if load.state == 'WRITTEN' then return answer('WRITTEN') end
  if card.status ~= 'in_force' then return answer('NOT_IN_FORCE') end
  if a.status ~= 'open' then return answer('CLOSED') end
  if a.freeze ~= '' then return answer('FROZEN') end
  if ARGV.offer_nothing == '1' then return answer('CLOCK') end
  load.B0, load.P0 = tap.B0, tap.P0
  return answer('OFFER', open_id, tonumber(tap.n), load, tap.not_after)
end
if card.mark == 'CONFLICT' then return answer('CONFLICT') end
local evidence = table.concat({ 'tap', ARGV.terminal, ARGV.tap_id, ARGV.L, ARGV.B, P == '' and '-' or P, now }, ' ')

-- Rule 4: what the counter says of the open load.
if open_id ~= '' then
  local L0, amount = tonumber(load.L0), tonumber(load.amount)
  local B0 = tonumber(load.B0) + tonumber(load.topped or '0')
  local claim = redis.call('GET', KEYS.claim)
  if L < L0 then return reread() end
  if L > L0 + 1 then return counter_ahead() end
  local logged = ARGV.newest_amount == load.amount and string.find(',' .. (load.live or ''), '=' .. ARGV.newest_terminal .. ':', 1, true)
  if L == L0 + 1 and claim == 'outside' and (tac or logged) then
    -- The card says that it was this load, the core that it was another machine's.
    redis.call('HSET', KEYS.open, 'state', 'WRITTEN', 'evidence', evidence, 'stepped', '1')
    loads.file(KEYS.case, 'load:' .. open_id, 'claimed', evidence, now)
    return answer('WRITTEN')
  end
  if L == L0 + 1 and claim and claim ~= open_id then
    loads.cancel(a, k, open_id, load, evidence, now)
    open_id = ''
    loads.step(k, card, L0)
  elseif L == L0 + 1 then
    -- Another machine may have moved a shared counter.
    if load.profile == 'shared' and not tac and not logged then
      if load.state ~= 'WRITTEN' then load.state = 'IN_DOUBT' end
      redis.call('HSET', KEYS.open, 'state', load.state, 'evidence', evidence, 'stepped', '1')
      return answer(load.state)
    end
    if load.profile == 'epurse' and not tac and ARGV.vouched ~= '1' then
      redis.call('HSET', KEYS.open, 'state', 'WRITTEN', 'evidence', evidence, 'stepped', '1')
      return answer('WRITTEN')
    end
    -- Once the balance was short, a purchase cannot make it right; and purchases
    -- are never taken back.
    local unspent = P ~= '' and P == load.P0
    local backwards = P ~= '' and load.P0 ~= '' and tonumber(P) < tonumber(load.P0)
    if not tac and (load.short or backwards or unspent and not cash.reached(load, B, B0 + amount)
      or B > cash.most(load, B0 + amount)) then
      redis.call('HSET', KEYS.open, 'state', 'WRITTEN', 'evidence', evidence, 'short', ARGV.B, 'stepped', '1')
      loads.file(KEYS.case, 'load:' .. open_id, 'balance', evidence, now)
      return answer('WRITTEN')
    end
    loads.confirm(a, k, card, open_id, load, evidence, now)
    confirmed, confirmed_amount, open_id = open_id, load.amount, ''
  elseif load.state == 'WRITTEN' then
    return reread()
  else
    local shown = cash.shows(load, KEYS.core, B, P)
    if shown ~= 'same' then
      redis.call('HSET', KEYS.open, 'state', 'IN_DOUBT', 'evidence', evidence)
      if shown == 'torn' then return reread() end
      return answer('IN_DOUBT')
    end
  end
end

if open_id == '' and card.L and L < tonumber(card.L) then return reread() end
if open_id == '' and card.L and L > tonumber(card.L) or card.mark == 'UNKNOWN_LOAD' then return counter_ahead() end
if open_id == '' and card.L and card.shown ~= card.L then redis.call('HSET', KEYS.card, 'shown', card.L) end
marks.drop_challenge(k, card)
-- Do not offer money that another card, or another version of this one, may already hold.
for version, why in string.gmatch(a.doubt, '([^=,]+)=([A-Z_]+)') do
  if version ~= uid .. ':' .. card.version or why == 'UNKNOWN_LOAD' then return answer('UNKNOWN_LOAD') end
end
if card.status ~= 'in_force' then return answer('NOT_IN_FORCE') end
if a.status ~= 'open' then return answer('CLOSED') end
if a.freeze ~= '' then return answer('FROZEN') end
if ARGV.offer_nothing == '1' then return answer('CLOCK') end

-- Rule 3: the same load once more, for this terminal.
if open_id ~= '' then
  local n = tonumber(load.n) + 1
  local others = load.live == '' and '' or load.live .. ','
  load.B0, load.P0 = ARGV.B, P
  redis.call('HSET', KEYS.open, 'state', 'HELD', 'n', ledger.text(n), 'live', others .. ledger.text(n) .. '=' .. who,
    'had', loads.with(load.had, ARGV.terminal), 'B0', ARGV.B, 'P0', P, 'since', now, 'deadline', ARGV.deadline, 'not_after', ARGV.not_after)
  load.since = now
  cash.recount(KEYS.open, load, card)
  return grant(open_id, load, n)
end

-- Rule 15: while the hub looks for what it may have lost, it takes no counter on trust.
local recovery = redis.call('HGET', KEYS.epoch, 'recovery')
if recovery and recovery ~= '' then return answer('RECOVERY') end

-- Rule 1: a new load over all that is pending.
if a.pending <= 0 then
  if not card.L then redis.call('HSET', KEYS.card, 'L', ARGV.L) end
  return answer('NOTHING')
end
local amount = a.pending
a.pending, a.load_held = 0, a.load_held + amount
ledger.enter(a, KEYS.entries, 'hold', ARGV.new_no, amount, now)
ledger.save(a)
ledger.post(KEYS.tot, { pending = amount, load_held = -amount })
local fresh = { amount = ledger.text(amount), L0 = ARGV.L, B0 = ARGV.B, P0 = P }
redis.call('HSET', KEYS.new, 'state', 'HELD', 'account', ARGV.account_no, 'card_uid', uid, 'card_no', ARGV.card_no,
  'version', ARGV.version, 'profile', card.profile, 'amount', fresh.amount, 'L0', fresh.L0, 'B0', fresh.B0, 'P0', P,
  'n', '1', 'live', '1=' .. who, 'had', ARGV.terminal, 'held', now, 'since', now, 'deadline', ARGV.deadline, 'not_after', ARGV.not_after, 'dup', '0')
redis.call('HSET', KEYS.card, 'open', ARGV.new_no, 'open_l0', ARGV.L, 'L', ARGV.L)
if card.cash then cash.recount(KEYS.new, { since = now }, card) end
return grant(ARGV.new_no, fresh, 1)
