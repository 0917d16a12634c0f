-- suspense.lua: a load's money on its way into suspense and out of it, put after
-- load.lua. Its counter step is used up by then, so that no attempt can take it.

-- suspend takes an open load's money out of the account's hands: nobody can say
-- whose it is.
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

-- out ends the case that held a load's money.
local function out(k, id, state, evidence, now)
  local case = 'load:' .. id
  redis.call('HSET', k.load, 'state', state, 'confirmed', now, 'evidence', evidence, 'from', 'SUSPENDED')
  redis.call('HSET', k.case, 'f:' .. case, '0', 's:' .. case, 'closed', 'd:' .. case, 'closed')
end

-- found takes the money out of suspense: the card has it after all.
local function found(a, k, card, id, load, evidence, now)
  local amount = tonumber(load.amount)
  enter(a, k.entries, 'load_found', id, amount, now)
  save(a)
  post(k.tot, { suspense = amount, loaded = -amount })
  redis.call('HINCRBY', k.card, 'loads', '1')
  settled(a, k, card, load.card_uid, load.version, load.L0, load.L0)
  undecided(k, card)
  out(k, id, 'CONFIRMED', evidence, now)
end

-- returned gives the money back to its account. The step is nobody's then: whoever
-- proves to have used it is booked.
local function returned(a, k, card, id, load, evidence, now)
  local amount = tonumber(load.amount)
  local claw, owed, rest = receive(a, amount)
  enter(a, k.entries, 'load_return', id, amount, now)
  save(a)
  post(k.tot, { suspense = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('DEL', k.claim)
  undecided(k, card)
  out(k, id, 'CANCELLED', evidence, now)
end
