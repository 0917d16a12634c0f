-- marks: what stands against a card. While anything does,
-- nothing of its account is refunded.
-- include ledger

marks.RANK = { LOST_LOAD = 1, UNKNOWN_LOAD = 2, CONFLICT = 3 }

-- doubted is what stands against a card's version (UID:VERSION), '' for nothing.
function marks.doubted(a, version)
  for one, mark in string.gmatch(a.doubt, '([^=,]+)=([A-Z_]+)') do
    if one == version then return mark end
  end
  return ''
end

-- doubts lists what stands against a card in each of its versions.
function marks.doubts(a, uid)
  local all = {}
  for one in string.gmatch(a.doubt, '[^,]+') do
    if string.sub(one, 1, #uid + 1) == uid .. ':' then all[#all + 1] = one end
  end
  return all
end

-- doubt puts a card's version among, or with the mark '' out of, those that may hold
-- money which the books do not know.
function marks.doubt(a, version, mark)
  local all = {}
  for one in string.gmatch(a.doubt, '[^,]+') do
    if string.match(one, '^[^=]+') ~= version then all[#all + 1] = one end
  end
  if mark ~= '' then all[#all + 1] = version .. '=' .. mark end
  table.sort(all)
  local packed = table.concat(all, ',')
  if packed == a.doubt then return end
  a.doubt = packed
  redis.call('HSET', a.key, 'doubt', packed)
end

-- raise marks a card's version, and never takes a worse mark away.
function marks.raise(a, version, mark)
  if (marks.RANK[marks.doubted(a, version)] or 0) < marks.RANK[mark] then marks.doubt(a, version, mark) end
end

-- listed says whether a blank-separated list has an item.
function marks.listed(list, one) return string.find(' ' .. (list or '') .. ' ', ' ' .. one .. ' ', 1, true) ~= nil end

-- lost says whether a load may be on a card's version that the hub had lost.
function marks.lost(card, version)
  return string.find(' ' .. (card.lost or ''), ' ' .. version .. ':', 1, true) ~= nil
end

-- mislaid keeps the steps of a card at which loads may have been written that the hub
-- had lost: 'VERSION:L0 …'.
function marks.set_lost(k, card, steps)
  card.lost = steps
  redis.call('HSET', k.card, 'lost', steps)
end

-- settled ends the doubt that lost loads left at the steps from L0 to last: they are
-- paid for, or people have decided.
function marks.settled(a, k, card, uid, version, L0, last)
  if (card.lost or '') == '' then return end
  local left = {}
  for one in string.gmatch(card.lost, '%S+') do
    local of, at = string.match(one, '^([^:]+):(%d+)$')
    if of ~= version or tonumber(at) < tonumber(L0) or tonumber(at) > tonumber(last) then left[#left + 1] = one end
  end
  marks.set_lost(k, card, table.concat(left, ' '))
  if marks.doubted(a, uid .. ':' .. version) == 'LOST_LOAD' and not marks.lost(card, version) then marks.doubt(a, uid .. ':' .. version, '') end
end

-- unsettled remembers that a load may be on the card which the hub had lost.
function marks.unsettled(a, k, card, uid, version, L0)
  local one = version .. ':' .. L0
  if not marks.listed(card.lost, one) then
    marks.set_lost(k, card, (card.lost or '') == '' and one or card.lost .. ' ' .. one)
  end
  marks.raise(a, uid .. ':' .. version, 'LOST_LOAD')
end

-- relieved takes the mark of a card's version away; what was lost stays.
function marks.clear_mark(a, card, uid, version)
  marks.doubt(a, uid .. ':' .. version, marks.lost(card, version) and 'LOST_LOAD' or '')
end

-- ahead marks a card whose counter ran ahead of the ledger: somebody loaded it and
-- the books do not know what.
function marks.counter_ahead(a, key, card, uid, L)
  redis.call('HSET', key, 'mark', 'UNKNOWN_LOAD', 'seen', ledger.text(math.max(L, tonumber(card.seen or '0'))))
  marks.raise(a, uid .. ':' .. card.version, 'UNKNOWN_LOAD')
end

-- caughtup ends what a counter had run ahead by, once the ledger is as far.
function marks.counter_caught_up(a, k, card, uid)
  if card.mark ~= 'UNKNOWN_LOAD' or tonumber(card.L) < tonumber(card.seen) then return end
  card.mark = ''
  redis.call('HDEL', k.card, 'mark', 'seen', 'leapt')
  marks.clear_mark(a, card, uid, card.version)
end

-- calm withdraws a challenge: what it asked about is answered by what came since.
function marks.drop_challenge(k, card)
  if card.challenge then redis.call('HDEL', k.card, 'challenge') end
end

-- covered says whether people adopted a counter step of a card with money.
function marks.covered(card, version, L0)
  for of, from, to in string.gmatch(card.adopted or '', '(%S+):(%d+)-(%d+)') do
    if of == version and L0 >= tonumber(from) and L0 <= tonumber(to) then return true end
  end
  return false
end

-- contest remembers evidence against what people decided about a counter step: should
-- they take that back, the evidence counts.
function marks.contest(k, card, version, L0)
  local one = version .. ':' .. L0
  if marks.listed(card.contested, one) then return end
  redis.call('HSET', k.card, 'contested', (card.contested and card.contested .. ' ' or '') .. one)
end

-- contested brings back what stood against the steps from L0 to last, unless they are
-- still covered.
function marks.contested(a, k, card, uid, version, L0, last)
  for of, at in string.gmatch(card.contested or '', '([^: ]+):(%d+)') do
    local n = tonumber(at)
    if of == version and n >= tonumber(L0) and n <= tonumber(last) and not marks.covered(card, version, n) then
      marks.unsettled(a, k, card, uid, version, at)
    end
  end
end

-- evident counts evidence that no packed field of the card shows: nothing is taken back
-- over it.
function marks.count_evidence(k) redis.call('HINCRBY', k.card, 'rev', '1') end
