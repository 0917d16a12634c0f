-- mark.lua: what stands against a card, put after ledger.lua. While anything does,
-- nothing of its account is refunded.

local RANK = { LOST_LOAD = 1, UNKNOWN_LOAD = 2, CONFLICT = 3 }

-- doubted is what stands against a card's version (UID:VERSION), '' for nothing.
local function doubted(a, version)
  for one, mark in string.gmatch(a.doubt, '([^=,]+)=([A-Z_]+)') do
    if one == version then return mark end
  end
  return ''
end

-- doubts lists what stands against a card in each of its versions.
local function doubts(a, uid)
  local all = {}
  for one in string.gmatch(a.doubt, '[^,]+') do
    if string.sub(one, 1, #uid + 1) == uid .. ':' then all[#all + 1] = one end
  end
  return all
end

-- doubt puts a card's version among, or with the mark '' out of, those that may hold
-- money which the books do not know.
local function doubt(a, version, mark)
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
local function raise(a, version, mark)
  if (RANK[doubted(a, version)] or 0) < RANK[mark] then doubt(a, version, mark) end
end

-- listed says whether a blank-separated list has an item.
local function listed(list, one) return string.find(' ' .. (list or '') .. ' ', ' ' .. one .. ' ', 1, true) ~= nil end

-- lost says whether a load may be on a card's version that the hub had lost.
local function lost(card, version)
  return string.find(' ' .. (card.lost or ''), ' ' .. version .. ':', 1, true) ~= nil
end

-- mislaid keeps the steps of a card at which loads may have been written that the hub
-- had lost: 'VERSION:L0 …'.
local function mislaid(k, card, steps)
  card.lost = steps
  redis.call('HSET', k.card, 'lost', steps)
end

-- settled ends the doubt that lost loads left at the steps from L0 to last: they are
-- paid for, or people have decided.
local function settled(a, k, card, uid, version, L0, last)
  if (card.lost or '') == '' then return end
  local left = {}
  for one in string.gmatch(card.lost, '%S+') do
    local of, at = string.match(one, '^([^:]+):(%d+)$')
    if of ~= version or tonumber(at) < tonumber(L0) or tonumber(at) > tonumber(last) then left[#left + 1] = one end
  end
  mislaid(k, card, table.concat(left, ' '))
  if doubted(a, uid .. ':' .. version) == 'LOST_LOAD' and not lost(card, version) then doubt(a, uid .. ':' .. version, '') end
end

-- unsettled remembers that a load may be on the card which the hub had lost.
local function unsettled(a, k, card, uid, version, L0)
  local one = version .. ':' .. L0
  if not listed(card.lost, one) then
    mislaid(k, card, (card.lost or '') == '' and one or card.lost .. ' ' .. one)
  end
  raise(a, uid .. ':' .. version, 'LOST_LOAD')
end

-- relieved takes the mark of a card's version away; what was lost stays.
local function relieved(a, card, uid, version)
  doubt(a, uid .. ':' .. version, lost(card, version) and 'LOST_LOAD' or '')
end

-- ahead marks a card whose counter ran ahead of the ledger: somebody loaded it and
-- the books do not know what.
local function ahead(a, key, card, uid, L)
  redis.call('HSET', key, 'mark', 'UNKNOWN_LOAD', 'seen', text(math.max(L, tonumber(card.seen or '0'))))
  raise(a, uid .. ':' .. card.version, 'UNKNOWN_LOAD')
end

-- caughtup ends what a counter had run ahead by, once the ledger is as far.
local function caughtup(a, k, card, uid)
  if card.mark ~= 'UNKNOWN_LOAD' or tonumber(card.L) < tonumber(card.seen) then return end
  card.mark = ''
  redis.call('HDEL', k.card, 'mark', 'seen', 'leapt')
  relieved(a, card, uid, card.version)
end

-- calm withdraws a challenge: what it asked about is answered by what came since.
local function calm(k, card)
  if card.challenge then redis.call('HDEL', k.card, 'challenge') end
end

-- covered says whether people adopted a counter step of a card with money.
local function covered(card, version, L0)
  for of, from, to in string.gmatch(card.adopted or '', '(%S+):(%d+)-(%d+)') do
    if of == version and L0 >= tonumber(from) and L0 <= tonumber(to) then return true end
  end
  return false
end

-- contest remembers evidence against what people decided about a counter step: should
-- they take that back, the evidence counts.
local function contest(k, card, version, L0)
  local one = version .. ':' .. L0
  if listed(card.contested, one) then return end
  redis.call('HSET', k.card, 'contested', (card.contested and card.contested .. ' ' or '') .. one)
end

-- contested brings back what stood against the steps from L0 to last, unless they are
-- still covered.
local function contested(a, k, card, uid, version, L0, last)
  for of, at in string.gmatch(card.contested or '', '([^: ]+):(%d+)') do
    local n = tonumber(at)
    if of == version and n >= tonumber(L0) and n <= tonumber(last) and not covered(card, version, n) then
      unsettled(a, k, card, uid, version, at)
    end
  end
end

-- evident counts evidence that no packed field of the card shows: nothing is taken back
-- over it.
local function evident(k) redis.call('HINCRBY', k.card, 'rev', '1') end
