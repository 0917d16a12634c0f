-- tap: a card is at a terminal. First what the card proves about an open load,
-- then, if nothing stands against it, money for the card (load protocol,
-- rules 1 to 4 for cards of profile stamp).
-- KEYS 1 account  2 entries  3 tot  4 card  5 doubt  6 tap  7 nonce
--      8 the open load (9 if none)  9 the new load  10 claim of the open load
--      (of nothing: claim of L)  11 case
-- ARGV 1 open load or ''  2 new load  3 account  4 terminal  5 tap  6 card_no
--      7 card uid  8 version  9 L  10 B  11 P or ''  12 fingerprint  13 now
--      14 not after  15 deadline  16 life of the nonce in ms
-- Replies: docs/keys.md.
-- Invariants: one open load a card; its amount never changes; a tap ends no
-- attempt and cancels nothing; the hold and its authorisation are one step.
local open_id, now, L, B, P = ARGV[1], ARGV[13], tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local who = ARGV[4] .. ':' .. ARGV[5]
if redis.call('EXISTS', KEYS[7]) == 1 then return { 'REPLAY' } end
local card = hash(KEYS[4])
if card.account ~= ARGV[3] then return { 'NO_CARD' } end
if (card.open or '') ~= open_id then return { 'RETRY' } end
local a, load, tap = account(KEYS[1]), {}, hash(KEYS[6])
if open_id ~= '' then load = hash(KEYS[8]) end
if tap.fp and tap.fp ~= ARGV[12] then return { 'TAP_CONFLICT' } end
if card.card_no ~= ARGV[6] then return { 'OTHER_CARD', 'card_no' } end
if card.version ~= ARGV[8] then return { 'OTHER_CARD', 'version' } end
redis.call('SET', KEYS[7], '1', 'PX', ARGV[16])

local confirmed, confirmed_amount = '', '0'
local function answer(tag, id, n, l, not_after)
  if not l then return { tag, text(a.pending), confirmed, confirmed_amount, '', '', '', '', '', '', '' } end
  return { tag, text(a.pending), confirmed, confirmed_amount, id, text(n), l.amount, l.L0, l.B0, l.P0, not_after }
end
local function grant(id, l, n)
  redis.call('HSET', KEYS[6], 'load', id, 'n', text(n), 'not_after', ARGV[14], 'fp', ARGV[12],
    'confirmed', confirmed, 'confirmed_amount', confirmed_amount)
  redis.call('ZADD', KEYS[5], ARGV[15], id)
  return answer('OFFER', id, n, l, ARGV[14])
end

-- Rule 2: the same tap again gets what it got, or nothing ever more.
if tap.fp then
  redis.call('HINCRBY', KEYS[6], 'dup', '1')
  confirmed, confirmed_amount = tap.confirmed, tap.confirmed_amount
  if tap.load ~= open_id or not live(load, tap.n, who) then return answer('DEAD') end
  if (card.mark or '') ~= '' then return answer(card.mark) end
  if load.state == 'WRITTEN' then return answer('REREAD') end
  if card.status ~= 'in_force' then return answer('NOT_IN_FORCE') end
  if a.status ~= 'open' then return answer('CLOSED') end
  if a.freeze ~= '' then return answer('FROZEN') end
  return answer('OFFER', open_id, tonumber(tap.n), load, tap.not_after)
end
if card.mark == 'CONFLICT' then return answer('CONFLICT') end
local evidence = table.concat({ 'tap', ARGV[4], ARGV[5], ARGV[9], ARGV[10], P == '' and '-' or P, now }, ' ')

-- Rule 4: what the counter says of the open load.
if open_id ~= '' then
  local L0, B0, amount = tonumber(load.L0), tonumber(load.B0), tonumber(load.amount)
  if L < L0 then return answer('REREAD') end
  if L > L0 + 1 then
    redis.call('HSET', KEYS[4], 'mark', 'UNKNOWN_LOAD')
    return answer('UNKNOWN_LOAD')
  end
  local unspent = P ~= '' and P == load.P0
  if L == L0 + 1 then
    -- Once the balance was short, a purchase cannot make it right; and purchases
    -- are never taken back.
    local backwards = P ~= '' and load.P0 ~= '' and tonumber(P) < tonumber(load.P0)
    if load.short == '1' or backwards or (unspent and B ~= B0 + amount) or B > B0 + amount then
      redis.call('HSET', KEYS[8], 'state', 'WRITTEN', 'evidence', evidence, 'short', '1')
      local case = 'load:' .. open_id
      redis.call('HSETNX', KEYS[11], 't:' .. case, now)
      redis.call('HINCRBY', KEYS[11], 'n:' .. case, '1')
      redis.call('HSET', KEYS[11], case, cjson.encode({ evidence = evidence }), 's:' .. case, 'open', 'k:' .. case, 'balance',
        'f:' .. case, '0')
      return answer('WRITTEN')
    end
    confirm(a, { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[8], claim = KEYS[10], doubt = KEYS[5] },
      open_id, load, evidence, now)
    confirmed, confirmed_amount, open_id = open_id, load.amount, ''
    card.L = text(L0 + 1)
  elseif load.state == 'WRITTEN' then
    return answer('REREAD')
  elseif B ~= B0 or P ~= load.P0 then
    redis.call('HSET', KEYS[8], 'state', 'IN_DOUBT', 'evidence', evidence)
    return answer((P == load.P0) and 'REREAD' or 'IN_DOUBT')
  end
end

if open_id == '' and card.L and L < tonumber(card.L) then return answer('REREAD') end
if open_id == '' and card.L and L > tonumber(card.L) then
  redis.call('HSET', KEYS[4], 'mark', 'UNKNOWN_LOAD')
  return answer('UNKNOWN_LOAD')
end
if card.mark == 'UNKNOWN_LOAD' then return answer('UNKNOWN_LOAD') end
if card.status ~= 'in_force' then return answer('NOT_IN_FORCE') end
if a.status ~= 'open' then return answer('CLOSED') end
if a.freeze ~= '' then return answer('FROZEN') end

-- Rule 3: the same load once more, for this terminal.
if open_id ~= '' then
  local n = tonumber(load.n) + 1
  local others = load.live == '' and '' or load.live .. ','
  redis.call('HSET', KEYS[8], 'state', 'HELD', 'n', text(n), 'live', others .. text(n) .. '=' .. who,
    'deadline', ARGV[15], 'not_after', ARGV[14])
  return grant(open_id, load, n)
end

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
redis.call('HSET', KEYS[9], 'state', 'HELD', 'account', ARGV[3], 'card_uid', ARGV[7], 'card_no', ARGV[6],
  'version', ARGV[8], 'profile', card.profile, 'amount', fresh.amount, 'L0', fresh.L0, 'B0', fresh.B0, 'P0', P,
  'n', '1', 'live', '1=' .. who, 'held', now, 'deadline', ARGV[15], 'not_after', ARGV[14], 'dup', '0')
redis.call('HSET', KEYS[4], 'open', ARGV[2], 'open_l0', ARGV[9], 'L', ARGV[9])
return grant(ARGV[2], fresh, 1)
