-- load.lua: what the scripts about loads share, put after mark.lua.

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

-- follow is a counter after the loads of other machines that were reported from it on.
local function follow(core, L)
  while redis.call('HEXISTS', core, 'l:' .. text(L)) == 1 do L = L + 1 end
  return L
end

-- step is the ledger's counter after a load at L0 is on the card. It never falls:
-- a counter set back would bind a second load to a step that is used up.
local function step(k, card, L0)
  local L = math.max(tonumber(card.L or '0'), L0 + 1)
  card.L = text(k.core and follow(k.core, L) or L)
  redis.call('HSET', k.card, 'L', card.L)
end

-- close takes a load off its card and out of the list of open ones.
local function close(k, id)
  redis.call('HSET', k.card, 'open', '', 'open_l0', '')
  redis.call('ZREM', k.doubt, id)
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
  settled(a, k, card, load.card_uid, load.version, load.L0, load.L0)
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

-- undecided withdraws what a card in conflict shall be made to show: the books have
-- changed since people said so.
local function undecided(k, card)
  if card.repair then redis.call('HDEL', k.card, 'repair') end
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

-- file keeps, once an id, what people must look at; it books nothing.
local function file(key, id, kind, evidence, now)
  redis.call('HSETNX', key, 't:' .. id, now)
  redis.call('HINCRBY', key, 'n:' .. id, '1')
  redis.call('HSET', key, id, cjson.encode({ evidence = evidence }), 's:' .. id, 'open', 'k:' .. id, kind)
end
