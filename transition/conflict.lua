-- conflict.lua: what the scripts about cards in conflict share, put after load.lua.

-- clash freezes an account whose card and ledger contradict each other, and keeps
-- that for people.
local function clash(a, k, card, uid, id, load, evidence, now)
  redis.call('HSET', k.card, 'mark', 'CONFLICT')
  if id ~= '' then redis.call('HSET', k.load, 'state', 'CONFLICT', 'evidence', evidence) end
  raise(a, uid .. ':' .. card.version, 'CONFLICT')
  if not string.find(',' .. a.freeze, ',mismatch=', 1, true) then
    a.freeze = freeze(a.freeze, 'mismatch', 'hub')
    enter(a, k.entries, 'freeze', 'mismatch', 0, now)
    save(a)
  end
  file(k.case, id ~= '' and 'load:' .. id or 'card:' .. uid, 'conflict', evidence, now)
end

-- thaw lifts the freeze when the last conflict of the account is over.
local function thaw(a, k, now)
  if string.find(a.doubt, '=CONFLICT', 1, true) or not string.find(',' .. a.freeze, ',mismatch=', 1, true) then return end
  a.freeze = unfreeze(a.freeze, 'mismatch')
  enter(a, k.entries, 'thaw', 'mismatch', 0, now)
  save(a)
end

-- mended ends a conflict: the card shows what people decided that it shall hold.
local function mended(a, k, card, uid, now)
  redis.call('HDEL', k.card, 'mark', 'desk', 'repair', 'seen', 'leapt')
  card.mark = ''
  relieved(a, card, uid, card.version)
  thaw(a, k, now)
end
