-- load_decide: two people end a load that no evidence ends (load protocol, rules
-- 13 and 14).
-- KEYS 1 account  2 entries  3 tot  4 card  5 load  6 claim  7 doubt  8 case
--      9 core's reports
-- ARGV 1 load  2 verdict: confirm, cancel or suspend  3 who  4 and who else  5 why
--      6 now  7 how long, in ms, no authorisation of it may have been usable
--      8 how long, in ms, a load of a card that is gone must have been open
--      9 balance that the card shall show in the end, '' as the desk read it
-- Replies: docs/keys.md.
-- Invariants: a load ends once, but one in suspense once more; one in conflict needs a
-- desk's reading of the card since; what was decided can be taken back by load_undo.
local load, card = hash(KEYS[5]), hash(KEYS[4])
local now, verdict = ARGV[6], ARGV[2]
if not load.state then return { 'NO_LOAD' } end
local evidence = table.concat({ 'decided', ARGV[3], ARGV[4], '-', '-', '-', now }, ' ')
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7], case = KEYS[8] }
if load.state == 'SUSPENDED' and verdict ~= 'suspend' and redis.call('HGET', KEYS[8], 'f:load:' .. ARGV[1]) == load.amount then
  local a = account(KEYS[1])
  redis.call('HSET', KEYS[5], 'decided', verdict, 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
  if verdict == 'confirm' then
    found(a, k, card, ARGV[1], load, evidence, now)
    return { 'DECIDED', 'CONFIRMED' }
  end
  returned(a, k, ARGV[1], load, evidence, now)
  return { 'DECIDED', 'CANCELLED' }
end
if not open(load) then return { 'ENDED', load.state } end
if card.open ~= ARGV[1] then return { 'RETRY' } end
local age = tonumber(now) - tonumber(load.held)
if load.state == 'HELD' and tonumber(load.deadline) > tonumber(now) then return { 'LIVE', load.deadline } end
local conflict, gone = load.state == 'CONFLICT' or card.mark == 'CONFLICT', card.status ~= 'in_force'
if conflict and not gone and not card.desk then return { 'NO_READING' } end
if ARGV[9] ~= '' and not (conflict and card.desk) then return { 'NO_CONFLICT' } end
local usable = tonumber(load.not_after) + tonumber(ARGV[7])
if verdict ~= 'confirm' and usable > tonumber(now) then return { 'LIVE', text(usable) } end
if gone and age < tonumber(ARGV[8]) then return { 'EARLY', text(tonumber(load.held) + tonumber(ARGV[8])) } end
local claim = redis.call('GET', KEYS[6])
if claim and claim ~= ARGV[1] and verdict ~= 'cancel' then return { 'CLAIMED', claim } end
local a = account(KEYS[1])
redis.call('HSET', KEYS[5], 'was', load.live, 'at', card.L, 'decided', verdict, 'by', ARGV[3], 'second', ARGV[4],
  'why', ARGV[5])
if verdict == 'confirm' then
  confirm(a, k, card, ARGV[1], load, evidence, now)
elseif verdict == 'cancel' then
  cancel(a, k, ARGV[1], load, evidence, now)
  local outside = redis.call('HEXISTS', KEYS[9], 'l:' .. load.L0) == 1
  if outside and not claim then redis.call('SET', KEYS[6], 'outside') end
  if outside or load.stepped and not conflict then
    -- The card has used the step, whoever did: the ledger follows.
    k.core = KEYS[9]
    step(k, card, tonumber(load.L0))
    caughtup(a, k, card, load.card_uid)
  end
else
  suspend(a, k, card, ARGV[1], load, evidence, now)
end
redis.call('HSET', KEYS[5], 'to', card.L)
local id = 'load:' .. ARGV[1]
if redis.call('HEXISTS', KEYS[8], 's:' .. id) == 1 and verdict ~= 'suspend' then
  redis.call('HSET', KEYS[8], 's:' .. id, 'closed', 'd:' .. id, 'closed')
end
if conflict and card.desk then
  -- The card must come to show what was decided, or the next tap conflicts again.
  local _, _, _, was, balance, bought = string.match(card.desk, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  local shall = ARGV[9] == '' and balance or ARGV[9]
  redis.call('HSET', KEYS[4], 'repair', table.concat({ card.L, shall, balance, bought, ARGV[1] }, ' '), 'of', ARGV[1])
  if was == card.L and balance == shall then
    mended(a, k, card, load.card_uid, now)
  end
elseif conflict then
  -- Nobody will read that card any more.
  mended(a, k, card, load.card_uid, now)
end
return { 'DECIDED', redis.call('HGET', KEYS[5], 'state') }
