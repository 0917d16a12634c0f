-- ledger: what every money script shares. Amounts arrive and leave as strings; inside they are Lua numbers
-- within ±CAP, which doubles hold exactly.

ledger.CAP = 1000000000000

-- text writes a number without exponent or decimals.
function ledger.text(n) return string.format('%.0f', n) end

-- hash reads a whole hash as a table of strings.
function ledger.hash(key)
  local flat, t = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do t[flat[i]] = flat[i + 1] end
  return t
end

-- account reads an account (or the house): balances as numbers.
function ledger.account(key)
  local h = ledger.hash(key)
  local a = { key = key, status = h.status, freeze = h.freeze or '', open = h.open or '', card = h.card or '',
    ver = h.ver or '', part = h.part or '', q_day = h.q_day or '', head = h.head or '-', doubt = h.doubt or '' }
  for _, f in ipairs({ 'pending', 'load_held', 'refund_held', 'arrears', 'clawback', 'seq', 'q_fen' }) do
    a[f] = tonumber(h[f] or '0')
  end
  return a
end

-- save writes the account back, with the entries counted so far.
function ledger.save(a)
  redis.call('HSET', a.key, 'pending', ledger.text(a.pending), 'load_held', ledger.text(a.load_held),
    'refund_held', ledger.text(a.refund_held), 'arrears', ledger.text(a.arrears), 'clawback', ledger.text(a.clawback),
    'freeze', a.freeze, 'seq', ledger.text(a.seq), 'head', a.head)
end

-- enter appends one entry; the balances in it are those of now. The last key of a
-- script that enters counts the entries of the partition.
function ledger.enter(a, list, kind, ref, amount, at)
  a.seq = a.seq + 1
  redis.call('INCR', KEYS.count)
  local line = table.concat({ '1', ledger.text(a.seq), kind, ref, ledger.text(amount), ledger.text(a.pending), ledger.text(a.load_held),
    ledger.text(a.refund_held), ledger.text(a.arrears), ledger.text(a.clawback), at, a.head }, ' ')
  redis.call('RPUSH', list, line)
  a.head = redis.sha1hex(line)
end

-- post changes the trial balance; zero changes leave no field behind.
function ledger.post(tot, changes)
  for name, amount in pairs(changes) do
    if amount ~= 0 then
      redis.call('HINCRBY', tot, name, ledger.text(amount))
    end
  end
end

-- unfreeze takes a reason out of a packed set such as 'arrears=core,lost=core'.
function ledger.unfreeze(set, reason)
  local left = {}
  for name, owner in string.gmatch(set, '([a-z_]+)=([a-z_]+)') do
    if name ~= reason then left[#left + 1] = name .. '=' .. owner end
  end
  return table.concat(left, ',')
end

-- receive is the only way in which pending grows: clawback first, then
-- arrears, the rest pending. Returns what each took.
function ledger.receive(a, amount)
  local claw = math.max(0, math.min(a.clawback, amount))
  local owed = math.max(0, math.min(a.arrears, amount - claw))
  local rest = amount - claw - owed
  a.clawback, a.arrears, a.pending = a.clawback - claw, a.arrears - owed, a.pending + rest
  if a.clawback == 0 then a.freeze = ledger.unfreeze(a.freeze, 'clawback') end
  if a.arrears == 0 then a.freeze = ledger.unfreeze(a.freeze, 'arrears') end
  return claw, owed, rest
end

-- freeze puts a reason into a packed set, which stays sorted.
function ledger.freeze(set, reason, owner)
  local all = { reason .. '=' .. owner }
  for one in string.gmatch(ledger.unfreeze(set, reason), '[^,]+') do all[#all + 1] = one end
  table.sort(all)
  return table.concat(all, ',')
end

-- give takes money from the account that left the hub without a hold: through the
-- channel, or on to a card by a load that the books had lost. Pending first; the
-- rest is owed to the hub. It returns what was taken of pending.
function ledger.give(a, amount)
  local taken = math.max(0, math.min(a.pending, amount))
  a.pending, a.clawback = a.pending - taken, a.clawback + amount - taken
  if a.clawback > 0 then a.freeze = ledger.freeze(a.freeze, 'clawback', 'hub') end
  return taken
end
