-- load_decide: two people end a load that no evidence ends (load protocol, rules
-- 13 and 14).
-- KEYS 1 account  2 entries  3 tot  4 card  5 load  6 claim  7 doubt  8 case
-- ARGV 1 load  2 verdict: confirm, cancel or suspend  3 who  4 and who else  5 why
--      6 now  7 how long, in ms, no authorisation of it may have been usable
--      8 how long, in ms, a load of a card that is gone must have been open
--      9 balance that the card shall show in the end, '' as the desk read it
-- Replies: docs/keys.md.
-- Invariants: a load ends once; one in conflict needs a desk's reading of the card
-- since; what was decided can be taken back by load_undo.
local load, card = hash(KEYS[5]), hash(KEYS[4])
local now, verdict = ARGV[6], ARGV[2]
if not load.state then return { 'NO_LOAD' } end
if not open(load) then return { 'ENDED', load.state } end
if card.open ~= ARGV[1] then return { 'RETRY' } end
local age = tonumber(now) - tonumber(load.held)
if load.state == 'HELD' and tonumber(load.deadline) > tonumber(now) then return { 'LIVE', load.deadline } end
local conflict, gone = load.state == 'CONFLICT' or card.mark == 'CONFLICT', card.status ~= 'in_force'
if conflict and not gone and not card.desk then return { 'NO_READING' } end
if verdict ~= 'confirm' then
  local usable = tonumber(load.not_after) + tonumber(ARGV[7])
  if usable > tonumber(now) then return { 'LIVE', text(usable) } end
  if gone and age < tonumber(ARGV[8]) then return { 'EARLY', text(tonumber(load.held) + tonumber(ARGV[8])) } end
end
local claim = redis.call('GET', KEYS[6])
if claim and claim ~= ARGV[1] and verdict ~= 'cancel' then return { 'CLAIMED', claim } end
local a = account(KEYS[1])
local k = { entries = KEYS[2], tot = KEYS[3], card = KEYS[4], load = KEYS[5], claim = KEYS[6], doubt = KEYS[7], case = KEYS[8] }
local evidence = table.concat({ 'decided', ARGV[3], ARGV[4], '-', '-', '-', now }, ' ')
redis.call('HSET', KEYS[5], 'was', load.live, 'decided', verdict, 'by', ARGV[3], 'second', ARGV[4], 'why', ARGV[5])
local L = tonumber(load.L0) + 1
if verdict == 'confirm' then
  confirm(a, k, card, ARGV[1], load, evidence, now)
elseif verdict == 'cancel' then
  cancel(a, k, ARGV[1], load, evidence, now)
  L = tonumber(load.L0)
else
  suspend(a, k, card, ARGV[1], load, evidence, now)
end
local id = 'load:' .. ARGV[1]
if redis.call('HEXISTS', KEYS[8], 's:' .. id) == 1 and verdict ~= 'suspend' then
  redis.call('HSET', KEYS[8], 's:' .. id, 'closed', 'd:' .. id, 'closed')
end
if conflict and card.desk then
  -- The card must come to show what was decided, or the next tap conflicts again.
  local _, _, _, was, balance, bought = string.match(card.desk, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  local shall = ARGV[9] == '' and balance or ARGV[9]
  redis.call('HSET', KEYS[4], 'repair', table.concat({ text(L), shall, balance, bought, ARGV[1] }, ' '), 'of', ARGV[1])
  if was == text(L) and balance == shall then
    mended(a, k, card, load.card_uid, now)
  end
elseif conflict then
  -- Nobody will read that card any more.
  mended(a, k, card, load.card_uid, now)
end
return { 'DECIDED', redis.call('HGET', KEYS[5], 'state') }
