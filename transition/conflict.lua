-- conflict.lua: what the scripts about cards in conflict share, put after load.lua.

-- clash freezes an account whose card and ledger contradict each other, and keeps
-- that for people.
local function clash(a, k, card, uid, id, load, evidence, now)
  redis.call('HSET', k.card, 'mark', 'CONFLICT')
  if id ~= '' then redis.call('HSET', k.load, 'state', 'CONFLICT', 'evidence', evidence, 'clash', evidence) end
  doubt(a, uid .. ':' .. card.version, 'CONFLICT')
  if not string.find(',' .. a.freeze, ',mismatch=', 1, true) then
    a.freeze = freeze(a.freeze, 'mismatch', 'hub')
    enter(a, k.entries, 'freeze', 'mismatch', 0, now)
    save(a)
  end
  file(k.case, id ~= '' and 'load:' .. id or 'card:' .. uid, 'conflict', evidence, now)
end

-- mended ends a conflict: the card shows what people decided that it shall hold.
local function mended(a, k, card, uid, now)
  redis.call('HDEL', k.card, 'mark', 'desk', 'repair', 'seen')
  card.mark = ''
  doubt(a, uid .. ':' .. card.version, lost(card) and 'LOST_LOAD' or '')
  for one in string.gmatch(a.doubt, '[^,]+') do
    if string.find(one, '=CONFLICT', 1, true) then return end
  end
  a.freeze = unfreeze(a.freeze, 'mismatch')
  enter(a, k.entries, 'thaw', 'mismatch', 0, now)
  save(a)
end

-- returned gives a suspended load's money back to its account.
local function returned(a, k, id, load, evidence, now)
  local amount, case = tonumber(load.amount), 'load:' .. id
  local claw, owed, rest = receive(a, amount)
  enter(a, k.entries, 'load_return', id, amount, now)
  save(a)
  post(k.tot, { suspense = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('HSET', k.load, 'state', 'CANCELLED', 'confirmed', now, 'evidence', evidence, 'from', 'SUSPENDED')
  redis.call('HSET', k.case, 'f:' .. case, '0', 's:' .. case, 'closed', 'd:' .. case, 'closed')
end

-- suspend takes an open load's money out of the account's hands: nobody can say
-- whose it is. Its counter step is used up, so that no attempt can take it any more.
local function suspend(a, k, card, id, load, evidence, now)
  local amount, case = tonumber(load.amount), 'load:' .. id
  a.load_held = a.load_held - amount
  enter(a, k.entries, 'load_suspend', id, amount, now)
  save(a)
  post(k.tot, { load_held = amount, suspense = -amount })
  redis.call('SET', k.claim, id)
  step(k, card, tonumber(load.L0))
  caughtup(a, k, card, load.card_uid)
  redis.call('HSET', k.load, 'state', 'SUSPENDED', 'confirmed', now, 'evidence', evidence, 'live', '')
  file(k.case, case, 'load', evidence, now)
  redis.call('HSET', k.case, 'f:' .. case, text(amount))
  close(k, id)
end
