-- load.lua: what the scripts about loads and cards share, put after ledger.lua.

-- live says whether an attempt of a load may still be used by its terminal.
local function live(load, n, who)
  return string.find(',' .. (load.live or '') .. ',', ',' .. n .. '=' .. who .. ',', 1, true) ~= nil
end

-- with is a comma-separated list with one more name in it.
local function with(list, name)
  if (list or '') == '' then return name end
  if string.find(',' .. list .. ',', ',' .. name .. ',', 1, true) then return list end
  return list .. ',' .. name
end

-- open says whether a load still binds money.
local function open(load)
  return load.state == 'HELD' or load.state == 'IN_DOUBT' or load.state == 'WRITTEN' or load.state == 'CONFLICT'
end

-- doubt puts a card's version (UID:VERSION) among, or with the mark '' out of, those
-- that may hold money which the books do not know. Nothing of the account is refunded
-- meanwhile.
local function doubt(a, uid, mark)
  local all = {}
  for one in string.gmatch(a.doubt, '[^,]+') do
    if string.match(one, '^[^=]+') ~= uid then all[#all + 1] = one end
  end
  if mark ~= '' then all[#all + 1] = uid .. '=' .. mark end
  table.sort(all)
  local packed = table.concat(all, ',')
  if packed == a.doubt then return end
  a.doubt = packed
  redis.call('HSET', a.key, 'doubt', packed)
end

-- step is the ledger's counter after a load at L0 is on the card. It never falls:
-- a counter set back would bind a second load to a step that is used up.
local function step(k, card, L0)
  local L = math.max(tonumber(card.L or '0'), L0 + 1)
  -- Other machines' loads that were reported before it follow at once.
  while k.core and redis.call('HEXISTS', k.core, 'l:' .. text(L)) == 1 do L = L + 1 end
  card.L = text(L)
  redis.call('HSET', k.card, 'L', card.L)
end

-- lost says whether a load of a card's version may be on it that the hub had lost.
local function lost(card)
  return string.find(' ' .. (card.lost or ''), ' ' .. card.version .. ':', 1, true) ~= nil
end

-- caughtup ends what a counter had run ahead by, once the ledger is as far.
local function caughtup(a, k, card, uid)
  if card.mark ~= 'UNKNOWN_LOAD' or tonumber(card.L) < tonumber(card.seen) then return end
  card.mark = ''
  redis.call('HDEL', k.card, 'mark', 'seen')
  doubt(a, uid .. ':' .. card.version, lost(card) and 'LOST_LOAD' or '')
end

-- calm withdraws a challenge: what it asked about is answered by what came since.
local function calm(k, card)
  if card.challenge then redis.call('HDEL', k.card, 'challenge') end
end

-- close takes a load off its card and out of the list of open ones.
local function close(k, id)
  redis.call('HSET', k.card, 'open', '', 'open_l0', '')
  redis.call('ZREM', k.doubt, id)
end

-- mislaid keeps the steps of a card at which loads may have been written that the hub
-- had lost: 'VERSION:L0 …'.
local function mislaid(k, card, steps)
  card.lost = steps
  redis.call('HSET', k.card, 'lost', steps)
end

-- settled ends the doubt that a lost load left: its step of the card is paid for. It
-- says whether there was one.
local function settled(a, k, card, uid, version, L0)
  if (card.lost or '') == '' then return false end
  local left, same, found = {}, false, false
  for one in string.gmatch(card.lost, '%S+') do
    if one == version .. ':' .. L0 then
      found = true
    else
      left[#left + 1] = one
      same = same or string.sub(one, 1, #version + 1) == version .. ':'
    end
  end
  mislaid(k, card, table.concat(left, ' '))
  local marked = card.version == version and (card.mark or '') ~= ''
  if not same and not marked then doubt(a, uid .. ':' .. version, '') end
  return found
end

-- unsettled remembers that a load may be on the card which the hub had lost.
local function unsettled(a, k, card, uid, version, L0)
  local one = version .. ':' .. L0
  if not string.find(' ' .. (card.lost or '') .. ' ', ' ' .. one .. ' ', 1, true) then
    mislaid(k, card, (card.lost or '') == '' and one or card.lost .. ' ' .. one)
  end
  if card.version ~= version or (card.mark or '') == '' then doubt(a, uid .. ':' .. version, 'LOST_LOAD') end
end

-- confirm ends an open load as written on the card: the counter moved, so the
-- card took this amount, and every attempt is over.
-- k holds the keys: entries, tot, card, load, claim, doubt.
local function confirm(a, k, card, id, load, evidence, now)
  a.load_held = a.load_held - tonumber(load.amount)
  enter(a, k.entries, 'confirm', id, tonumber(load.amount), now)
  save(a)
  post(k.tot, { load_held = tonumber(load.amount), loaded = -tonumber(load.amount) })
  redis.call('SET', k.claim, id)
  step(k, card, tonumber(load.L0))
  calm(k, card)
  redis.call('HINCRBY', k.card, 'loads', '1')
  redis.call('HSET', k.load, 'state', 'CONFIRMED', 'confirmed', now, 'evidence', evidence, 'live', '')
  if settled(a, k, card, load.card_uid, load.version, load.L0) then redis.call('HSET', k.load, 'settled', '1') end
  caughtup(a, k, card, load.card_uid)
  close(k, id)
end

-- cancel ends an open load whose attempts are all dead: its money is pending again,
-- after what is owed.
local function cancel(a, k, id, load, evidence, now)
  local amount = tonumber(load.amount)
  a.load_held = a.load_held - amount
  local claw, owed, rest = receive(a, amount)
  enter(a, k.entries, 'cancel', id, amount, now)
  save(a)
  post(k.tot, { load_held = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('HSET', k.load, 'state', 'CANCELLED', 'confirmed', now, 'evidence', evidence, 'live', '')
  close(k, id)
end

-- force books a load that is on the card although the hub holds no money for it:
-- what is pending pays for it first, the rest is owed. The ledger's
-- counter is the caller's to move.
local function force(a, k, id, load, evidence, now)
  local amount = tonumber(load.amount)
  local taken = give(a, amount)
  enter(a, k.entries, 'forced', id, amount, now)
  save(a)
  post(k.tot, { pending = taken, clawback = amount - taken, loaded = -amount })
  redis.call('SET', k.claim, id)
  redis.call('HINCRBY', k.card, 'loads', '1')
  redis.call('HSET', k.load, 'state', 'FORCED', 'account', load.account, 'card_uid', load.card_uid, 'card_no', load.card_no,
    'version', load.version, 'profile', load.profile, 'amount', load.amount, 'L0', load.L0, 'B0', load.B0, 'P0', load.P0,
    'n', load.n, 'live', '', 'confirmed', now, 'evidence', evidence)
end

-- ahead marks a card whose counter ran ahead of the ledger: somebody loaded it and
-- the books do not know what.
local function ahead(a, key, card, uid, L)
  redis.call('HSET', key, 'mark', 'UNKNOWN_LOAD', 'seen', text(math.max(L, tonumber(card.seen or '0'))))
  doubt(a, uid .. ':' .. card.version, 'UNKNOWN_LOAD')
end

-- found takes a suspended load's money out of suspense: the card has it after all.
local function found(a, k, card, id, load, evidence, now)
  local amount, case = tonumber(load.amount), 'load:' .. id
  enter(a, k.entries, 'load_found', id, amount, now)
  save(a)
  post(k.tot, { suspense = amount, loaded = -amount })
  redis.call('HINCRBY', k.card, 'loads', '1')
  redis.call('HSET', k.load, 'state', 'CONFIRMED', 'confirmed', now, 'evidence', evidence, 'from', 'SUSPENDED')
  settled(a, k, card, load.card_uid, load.version, load.L0)
  redis.call('HSET', k.case, 'f:' .. case, '0', 's:' .. case, 'closed', 'd:' .. case, 'closed')
end

-- file keeps, once an id, what people must look at; it books nothing.
local function file(key, id, kind, evidence, now)
  redis.call('HSETNX', key, 't:' .. id, now)
  redis.call('HINCRBY', key, 'n:' .. id, '1')
  redis.call('HSET', key, id, cjson.encode({ evidence = evidence }), 's:' .. id, 'open', 'k:' .. id, kind)
end

-- NEAR is how far the core's clock and the hub's may differ.
local NEAR = 300000

-- topped takes cash that reached the card about when, or after, the load was made with
-- its balance. Of what is near nobody can say whether the balance had it already.
local function topped(key, load, when, amount)
  local since = tonumber(load.since)
  if when >= since + NEAR then
    load.topped = text(tonumber(load.topped or '0') + tonumber(amount))
    redis.call('HSET', key, 'topped', load.topped)
  elseif when > since - NEAR then
    load.near = (load.near or '') == '' and amount or load.near .. ' ' .. amount
    redis.call('HSET', key, 'near', load.near)
  end
end

-- reached says whether a balance is what it shall be, or that and cash that was near.
-- The second result is true if only such cash explains it.
local function reached(load, B, shall)
  if B == shall then return true, false end
  local sums = { 0 }
  for amount in string.gmatch(load.near or '', '%d+') do
    if #sums > 1000 then break end
    for i = 1, #sums do sums[#sums + 1] = sums[i] + tonumber(amount) end
  end
  for _, sum in ipairs(sums) do
    if B == shall + sum then return true, true end
  end
  return false, false
end

-- most is the highest balance that cash can explain.
local function most(load, shall)
  for amount in string.gmatch(load.near or '', '%d+') do shall = shall + tonumber(amount) end
  return shall
end

-- shows compares a reading at the load's own counter with what the load was made
-- with. 'same' is unchanged, or changed as the core's reports explain; 'hidden' is
-- changed by purchases that nobody reported, which could hide a torn write; 'torn'
-- is what nothing explains.
local function shows(load, core, B, P)
  local B0, P0 = tonumber(load.B0) + tonumber(load.topped or '0'), load.P0
  local function compare(other)
    local same, near = reached(load, B, B0)
    -- Cash as large as the load looks like a write that was torn.
    if near and B == B0 + tonumber(load.amount) then return 'hidden' end
    return same and 'same' or other
  end
  -- Without a purchase counter a meal and a torn write look alike.
  if P == P0 then return compare(P == '' and 'hidden' or 'torn') end
  if P == '' or P0 == '' then return 'hidden' end
  local from, to = tonumber(P0), tonumber(P)
  if to < from then return 'torn' end
  if to - from > 100 then return 'hidden' end
  local names = {}
  for n = from, to - 1 do names[#names + 1] = 'p:' .. text(n) end
  for _, spent in ipairs(redis.call('HMGET', core, unpack(names))) do
    if not spent then return 'hidden' end
    B0 = B0 - tonumber(spent)
  end
  return compare('torn')
end
