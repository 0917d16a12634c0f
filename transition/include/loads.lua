-- loads: what the scripts about loads share.
-- include ledger marks

-- live says whether an attempt of a load may still be used by its terminal.
function loads.live(load, n, who)
  return string.find(',' .. (load.live or '') .. ',', ',' .. n .. '=' .. who .. ',', 1, true) ~= nil
end

-- with is a comma-separated list with one more name in it.
function loads.with(list, name)
  if (list or '') == '' then return name end
  if string.find(',' .. list .. ',', ',' .. name .. ',', 1, true) then return list end
  return list .. ',' .. name
end

-- open says whether a load still binds money.
function loads.open(load)
  return load.state == 'HELD' or load.state == 'IN_DOUBT' or load.state == 'WRITTEN' or load.state == 'CONFLICT'
end

-- follow is a counter after the loads of other machines that were reported from it on.
function loads.follow(core, L)
  while redis.call('HEXISTS', core, 'l:' .. ledger.text(L)) == 1 do L = L + 1 end
  return L
end

-- step is the ledger's counter after a load at L0 is on the card. It never falls:
-- a counter set back would bind a second load to a step that is used up.
function loads.step(k, card, L0)
  local L = math.max(tonumber(card.L or '0'), L0 + 1)
  card.L = ledger.text(k.core and loads.follow(k.core, L) or L)
  redis.call('HSET', k.card, 'L', card.L)
end

-- close takes a load off its card and out of the list of open ones.
function loads.close(k, id)
  redis.call('HSET', k.card, 'open', '', 'open_l0', '')
  redis.call('ZREM', k.doubt, id)
end

-- confirm ends an open load as written on the card: the counter moved, so the
-- card took this amount, and every attempt is over.
-- k holds the keys: entries, tot, card, load, claim, doubt.
function loads.confirm(a, k, card, id, load, evidence, now)
  a.load_held = a.load_held - tonumber(load.amount)
  ledger.enter(a, k.entries, 'confirm', id, tonumber(load.amount), now)
  ledger.save(a)
  ledger.post(k.tot, { load_held = tonumber(load.amount), loaded = -tonumber(load.amount) })
  redis.call('SET', k.claim, id)
  loads.step(k, card, tonumber(load.L0))
  marks.drop_challenge(k, card)
  redis.call('HINCRBY', k.card, 'loads', '1')
  redis.call('HSET', k.load, 'state', 'CONFIRMED', 'confirmed', now, 'evidence', evidence, 'live', '')
  marks.settled(a, k, card, load.card_uid, load.version, load.L0, load.L0)
  marks.counter_caught_up(a, k, card, load.card_uid)
  loads.close(k, id)
end

-- cancel ends an open load whose attempts are all dead: its money is pending again,
-- after what is owed.
function loads.cancel(a, k, id, load, evidence, now)
  local amount = tonumber(load.amount)
  a.load_held = a.load_held - amount
  local claw, owed, rest = ledger.receive(a, amount)
  ledger.enter(a, k.entries, 'cancel', id, amount, now)
  ledger.save(a)
  ledger.post(k.tot, { load_held = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('HSET', k.load, 'state', 'CANCELLED', 'confirmed', now, 'evidence', evidence, 'live', '')
  loads.close(k, id)
end

-- undecided withdraws what a card in conflict shall be made to show: the books have
-- changed since people said so.
function loads.undecided(k, card)
  if card.repair then redis.call('HDEL', k.card, 'repair') end
end

-- force books a load that is on the card although the hub holds no money for it:
-- what is pending pays for it first, the rest is owed. The ledger's
-- counter is the caller's to move.
function loads.force(a, k, id, load, evidence, now)
  local amount = tonumber(load.amount)
  local taken = ledger.give(a, amount)
  ledger.enter(a, k.entries, 'forced', id, amount, now)
  ledger.save(a)
  ledger.post(k.tot, { pending = taken, clawback = amount - taken, loaded = -amount })
  redis.call('SET', k.claim, id)
  redis.call('HINCRBY', k.card, 'loads', '1')
  redis.call('HSET', k.load, 'state', 'FORCED', 'account', load.account, 'card_uid', load.card_uid, 'card_no', load.card_no,
    'version', load.version, 'profile', load.profile, 'amount', load.amount, 'L0', load.L0, 'B0', load.B0, 'P0', load.P0,
    'n', load.n, 'live', '', 'confirmed', now, 'evidence', evidence)
end

-- file keeps, once an id, what people must look at; it books nothing.
function loads.file(key, id, kind, evidence, now)
  redis.call('HSETNX', key, 't:' .. id, now)
  redis.call('HINCRBY', key, 'n:' .. id, '1')
  redis.call('HSET', key, id, cjson.encode({ evidence = evidence }), 's:' .. id, 'open', 'k:' .. id, kind)
end
