-- suspense: a load's money on its way into suspense and out of it. Its counter step is used up by then, so that no attempt can take it.
-- include ledger loads marks

-- suspend takes an open load's money out of the account's hands: nobody can say
-- whose it is.
function suspense.suspend(a, k, card, id, load, evidence, now)
  local amount, case = tonumber(load.amount), 'load:' .. id
  a.load_held = a.load_held - amount
  ledger.enter(a, k.entries, 'load_suspend', id, amount, now)
  ledger.save(a)
  ledger.post(k.tot, { load_held = amount, suspense = -amount })
  redis.call('SET', k.claim, id)
  loads.step(k, card, tonumber(load.L0))
  marks.counter_caught_up(a, k, card, load.card_uid)
  redis.call('HSET', k.load, 'state', 'SUSPENDED', 'confirmed', now, 'evidence', evidence, 'live', '')
  loads.file(k.case, case, 'load', evidence, now)
  redis.call('HSET', k.case, 'f:' .. case, ledger.text(amount))
  loads.close(k, id)
end

-- out ends the case that held a load's money.
function suspense.out(k, id, state, evidence, now)
  local case = 'load:' .. id
  redis.call('HSET', k.load, 'state', state, 'confirmed', now, 'evidence', evidence, 'from', 'SUSPENDED')
  redis.call('HSET', k.case, 'f:' .. case, '0', 's:' .. case, 'closed', 'd:' .. case, 'closed')
end

-- found takes the money out of suspense: the card has it after all.
function suspense.found(a, k, card, id, load, evidence, now)
  local amount = tonumber(load.amount)
  ledger.enter(a, k.entries, 'load_found', id, amount, now)
  ledger.save(a)
  ledger.post(k.tot, { suspense = amount, loaded = -amount })
  redis.call('HINCRBY', k.card, 'loads', '1')
  marks.settled(a, k, card, load.card_uid, load.version, load.L0, load.L0)
  loads.undecided(k, card)
  suspense.out(k, id, 'CONFIRMED', evidence, now)
end

-- returned gives the money back to its account. The step is nobody's then: whoever
-- proves to have used it is booked.
function suspense.returned(a, k, card, id, load, evidence, now)
  local amount = tonumber(load.amount)
  local claw, owed, rest = ledger.receive(a, amount)
  ledger.enter(a, k.entries, 'load_return', id, amount, now)
  ledger.save(a)
  ledger.post(k.tot, { suspense = amount, clawback = -claw, arrears_paid = -owed, pending = -rest })
  redis.call('DEL', k.claim)
  loads.undecided(k, card)
  suspense.out(k, id, 'CANCELLED', evidence, now)
end
