-- conflicts: what the scripts about cards in conflict share.
-- include ledger loads marks

-- clash freezes an account whose card and ledger contradict each other, and keeps
-- that for people.
function conflicts.clash(a, k, card, uid, id, evidence, now)
  redis.call('HSET', k.card, 'mark', 'CONFLICT')
  if id ~= '' then redis.call('HSET', k.load, 'state', 'CONFLICT', 'evidence', evidence) end
  marks.raise(a, uid .. ':' .. card.version, 'CONFLICT')
  if not string.find(',' .. a.freeze, ',mismatch=', 1, true) then
    a.freeze = ledger.freeze(a.freeze, 'mismatch', 'hub')
    ledger.enter(a, k.entries, 'freeze', 'mismatch', 0, now)
    ledger.save(a)
  end
  loads.file(k.case, id ~= '' and 'load:' .. id or 'card:' .. uid, 'conflict', evidence, now)
end

-- thaw lifts the freeze when the last conflict of the account is over.
function conflicts.thaw(a, k, now)
  if string.find(a.doubt, '=CONFLICT', 1, true) or not string.find(',' .. a.freeze, ',mismatch=', 1, true) then return end
  a.freeze = ledger.unfreeze(a.freeze, 'mismatch')
  ledger.enter(a, k.entries, 'thaw', 'mismatch', 0, now)
  ledger.save(a)
end

-- mended ends a conflict: the card shows what people decided that it shall hold.
function conflicts.mended(a, k, card, uid, now)
  redis.call('HDEL', k.card, 'mark', 'desk', 'repair', 'seen', 'leapt')
  card.mark = ''
  marks.clear_mark(a, card, uid, card.version)
  conflicts.thaw(a, k, now)
end
