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
local now, verdict, case = ARGV[6], ARGV[2], 'load:' .. ARGV[1]
if not load.state then return { 'NO_LOAD' } end
local suspended = load.state == 'SUSPENDED' and verdict ~= 'suspend' and redis.call('HGET', KEYS[8], 'f:' .. case) == load.amount
if not open(load) and not suspended then return { 'ENDED', load.state } end
local conflict, gone = load.state == 'CONFLICT' or card.mark == 'CONFLICT', card.status ~= 'in_force'
if ARGV[9] ~= '' and (suspended or not conflict or not card.desk or gone) then return { 'NO_CONFLICT' } end
local claim = redis.call('GET', KEYS[6])
if not suspended then
  if card.open ~= ARGV[1] then return { 'RETRY' } end
  if load.state == 'HELD' and tonumber(load.deadline) > tonumber(now) then return { 'LIVE', load.deadline } end
  if conflict and not gone and not card.desk then return { 'NO_READING' } end
  local usable = tonumber(load.not_after) + tonumber(ARGV[7])
  if verdict ~= 'confirm' and usable > tonumber(now) then return { 'LIVE', text(usable) } end
  local age = tonumber(now) - tonumber(load.held)
  if gone and age < tonumber(ARGV[8]) then return { 'EARLY', text(tonumber(load.held) + tonumber(ARGV[8])) } end
  -- Another machine's load is the core's word, which people may know better.
  if claim and claim ~= 'outside' and claim ~= ARGV[1] and verdict ~= 'cancel' then return { 'CLAIMED', claim } end
end

local a = account(KEYS[1])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7], case = KEYS[8],
  core = KEYS[9] }
local evidence = table.concat({ 'decided', ARGV[3], ARGV[4], '-', '-', '-', now }, ' ')
-- What was decided before about money in suspense can be taken back after this.
local again = suspended and '2' or ''
if not suspended then redis.call('HSET', KEYS[5], 'was', load.state, 'tries', load.live) end
redis.call('HSET', KEYS[5], 'case' .. again, redis.call('HGET', KEYS[8], 's:' .. case) or '', 'before' .. again,
  stands(a, KEYS[4], load.card_uid, KEYS[6]), 'decided', verdict, 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
if suspended and verdict == 'confirm' then
  found(a, k, card, ARGV[1], load, evidence, now)
elseif suspended then
  returned(a, k, card, ARGV[1], load, evidence, now)
elseif verdict == 'confirm' then
  confirm(a, k, card, ARGV[1], load, evidence, now)
elseif verdict == 'suspend' then
  suspend(a, k, card, ARGV[1], load, evidence, now)
else
  cancel(a, k, ARGV[1], load, evidence, now)
  local outside = redis.call('HEXISTS', KEYS[9], 'l:' .. load.L0) == 1
  if outside and not claim then redis.call('SET', KEYS[6], 'outside') end
  local _, _, _, read = string.match(card.desk or '', '^(%S+) (%S+) (%S+) (%d+)')
  if outside or load.stepped and not conflict or conflict and read and tonumber(read) > tonumber(load.L0) then
    -- The card has used the step, whoever did: the ledger follows.
    step(k, card, tonumber(load.L0))
    caughtup(a, k, card, load.card_uid)
  end
end
if verdict ~= 'suspend' and redis.call('HEXISTS', KEYS[8], 's:' .. case) == 1 then
  redis.call('HSET', KEYS[8], 's:' .. case, 'closed', 'd:' .. case, 'closed')
end
if conflict and not suspended and card.desk and not gone then
  -- The card must come to show what was decided, or the next tap conflicts again.
  local _, _, _, was, balance, bought = string.match(card.desk, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  local shall = ARGV[9] == '' and balance or ARGV[9]
  redis.call('HSET', KEYS[4], 'repair', table.concat({ card.L, shall, balance, bought, ARGV[1] }, ' '), 'of', ARGV[1])
  if was == card.L and balance == shall then mended(a, k, card, load.card_uid, now) end
elseif conflict and not suspended then
  -- Nobody will read that card any more.
  mended(a, k, card, load.card_uid, now)
end
redis.call('HSET', KEYS[5], 'after' .. again, stands(a, KEYS[4], load.card_uid, KEYS[6]))
return { 'DECIDED', redis.call('HGET', KEYS[5], 'state') }
