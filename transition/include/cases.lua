-- cases: what the scripts about money in suspense share. A case is a set of fields of the partition's case hash.
-- include ledger

-- case_read reads one case; state is nil if there is none.
function cases.read(key, id)
  local f = redis.call('HMGET', key, 's:' .. id, 'k:' .. id, 'f:' .. id, 'h:' .. id, 'b:' .. id, 'x:' .. id, 'd:' .. id,
    'r:' .. id)
  return { id = id, state = f[1], kind = f[2], fen = tonumber(f[3] or '0'), held = tonumber(f[4] or '0'),
    back = tonumber(f[5] or '0'), refunds = f[6] or '', decision = f[7] or '', told = tonumber(f[8] or '0') }
end

-- case_gone takes money out of suspense that its channel gave back, and ends a
-- case that holds none any more.
function cases.gone(c, key, tot, house, list, ref, amount, now)
  ledger.enter(house, list, 'suspense_refund', ref, amount, now)
  ledger.save(house)
  ledger.post(tot, { refunded = -amount, suspense = amount })
  c.fen, c.back = c.fen - amount, c.back + amount
  if c.fen == 0 then c.state, c.decision = 'closed', 'refunded' end
  redis.call('HSET', key, 's:' .. c.id, c.state, 'f:' .. c.id, ledger.text(c.fen), 'h:' .. c.id, ledger.text(c.held), 'b:' .. c.id, ledger.text(c.back),
    'd:' .. c.id, c.decision)
end

-- case_lists puts a refund's number into its case's list.
function cases.lists(c, key, ref)
  c.refunds = c.refunds == '' and ref or c.refunds .. ' ' .. ref
  redis.call('HSET', key, 'x:' .. c.id, c.refunds)
end
