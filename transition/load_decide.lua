-- load_decide: two people end a load that no evidence ends (load protocol, rules
-- 13 and 14).
-- include conflicts ledger loads marks stand suspense
-- KEYS account entries tot card load claim doubt case core count
-- ARGV load_no verdict by second why now quiet_ms gone_ms balance
-- REPLY DECIDED state | NO_LOAD | ENDED state | LIVE until | EARLY until | NO_READING | NO_CONFLICT
--     | CLAIMED load | RETRY
--   core: core's reports
--   verdict: verdict: confirm, cancel or suspend
--   second: and who else
--   quiet_ms: how long, in ms, no authorisation of it may have been usable
--   gone_ms: how long, in ms, a load of a card that is gone must have been open
--   balance: balance that the card shall show in the end, '' as the desk read it
--   NO_CONFLICT: only a card in conflict, read at a desk, is given a balance
-- Invariants: a load ends once, but one in suspense once more; one in conflict needs a
-- desk's reading of the card since; what was decided can be taken back by load_undo.
local load, card = ledger.hash(KEYS.load), ledger.hash(KEYS.card)
local now, verdict, case = ARGV.now, ARGV.verdict, 'load:' .. ARGV.load_no
if not load.state then return { 'NO_LOAD' } end
local suspended = load.state == 'SUSPENDED' and verdict ~= 'suspend' and redis.call('HGET', KEYS.case, 'f:' .. case) == load.amount
if not loads.open(load) and not suspended then return { 'ENDED', load.state } end
local conflict, gone = load.state == 'CONFLICT' or card.mark == 'CONFLICT', card.status ~= 'in_force'
if ARGV.balance ~= '' and (suspended or not conflict or not card.desk or gone) then return { 'NO_CONFLICT' } end
local claim = redis.call('GET', KEYS.claim)
if not suspended then
  if card.open ~= ARGV.load_no then return { 'RETRY' } end
  if load.state == 'HELD' and tonumber(load.deadline) > tonumber(now) then return { 'LIVE', load.deadline } end
  if conflict and not gone and not card.desk then return { 'NO_READING' } end
  local usable = tonumber(load.not_after) + tonumber(ARGV.quiet_ms)
  if verdict ~= 'confirm' and usable > tonumber(now) then return { 'LIVE', ledger.text(usable) } end
  local age = tonumber(now) - tonumber(load.held)
  if gone and age < tonumber(ARGV.gone_ms) then return { 'EARLY', ledger.text(tonumber(load.held) + tonumber(ARGV.gone_ms)) } end
  -- Another machine's load is the core's word, which people may know better.
  if claim and claim ~= 'outside' and claim ~= ARGV.load_no and verdict ~= 'cancel' then return { 'CLAIMED', claim } end
end

local a = ledger.account(KEYS.account)
local k = { entries = KEYS.entries, tot = KEYS.tot, card = KEYS.card, load = KEYS.load, claim = KEYS.claim, doubt = KEYS.doubt, case = KEYS.case,
  core = KEYS.core }
local evidence = table.concat({ 'decided', ARGV.by, ARGV.second, '-', '-', '-', now }, ' ')
-- What was decided before about money in suspense can be taken back after this.
local again = suspended and '2' or ''
if not suspended then redis.call('HSET', KEYS.load, 'was', load.state, 'tries', load.live) end
redis.call('HSET', KEYS.load, 'case' .. again, redis.call('HGET', KEYS.case, 's:' .. case) or '', 'before' .. again,
  stand.stands(a, KEYS.card, load.card_uid, KEYS.claim), 'decided', verdict, 'by', ARGV.by, 'second', ARGV.second, 'why', ARGV.why)
if suspended and verdict == 'confirm' then
  suspense.found(a, k, card, ARGV.load_no, load, evidence, now)
elseif suspended then
  suspense.returned(a, k, card, ARGV.load_no, load, evidence, now)
elseif verdict == 'confirm' then
  loads.confirm(a, k, card, ARGV.load_no, load, evidence, now)
elseif verdict == 'suspend' then
  suspense.suspend(a, k, card, ARGV.load_no, load, evidence, now)
else
  loads.cancel(a, k, ARGV.load_no, load, evidence, now)
  local outside = redis.call('HEXISTS', KEYS.core, 'l:' .. load.L0) == 1
  if outside and not claim then redis.call('SET', KEYS.claim, 'outside') end
  local _, _, _, read = string.match(card.desk or '', '^(%S+) (%S+) (%S+) (%d+)')
  if outside or load.stepped and not conflict or conflict and read and tonumber(read) > tonumber(load.L0) then
    -- The card has used the step, whoever did: the ledger follows.
    loads.step(k, card, tonumber(load.L0))
    marks.counter_caught_up(a, k, card, load.card_uid)
  end
end
if verdict ~= 'suspend' and redis.call('HEXISTS', KEYS.case, 's:' .. case) == 1 then
  redis.call('HSET', KEYS.case, 's:' .. case, 'closed', 'd:' .. case, 'closed')
end
if conflict and not suspended and card.desk and not gone then
  -- The card must come to show what was decided, or the next tap conflicts again.
  local _, _, _, was, balance, bought = string.match(card.desk, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
  local shall = ARGV.balance == '' and balance or ARGV.balance
  redis.call('HSET', KEYS.card, 'repair', table.concat({ card.L, shall, balance, bought, ARGV.load_no }, ' '), 'of', ARGV.load_no)
  if was == card.L and balance == shall then conflicts.mended(a, k, card, load.card_uid, now) end
elseif conflict and not suspended then
  -- Nobody will read that card any more.
  conflicts.mended(a, k, card, load.card_uid, now)
end
redis.call('HSET', KEYS.load, 'after' .. again, stand.stands(a, KEYS.card, load.card_uid, KEYS.claim))
return { 'DECIDED', redis.call('HGET', KEYS.load, 'state') }
