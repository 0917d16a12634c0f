-- stand: how a card stands before and after people decide, so that what they
-- decided can be taken back exactly, and only while nothing came after it.
-- include ledger marks

stand.STANDS = { 'version', 'L', 'mark', 'seen', 'shown', 'lost', 'adopted', 'desk', 'repair', 'of', 'mended', 'open', 'open_l0', 'rev' }

-- stands packs what there is: whether the account is frozen by a conflict, the fields
-- of the card, the claim of the counter's step, what stands against the card.
function stand.stands(a, key, uid, claim)
  local all = { string.find(',' .. a.freeze, ',mismatch=', 1, true) and '1' or '0' }
  for i, value in ipairs(redis.call('HMGET', key, unpack(stand.STANDS))) do all[i + 1] = value or '' end
  all[#all + 1] = redis.call('GET', claim) or ''
  all[#all + 1] = table.concat(marks.doubts(a, uid), ',')
  return table.concat(all, '|')
end

-- untouched says whether a card stands as it was packed. The account's freeze may be
-- another card's.
function stand.untouched(now, packed)
  return string.sub(now, 2) == string.sub(packed or '', 2)
end

-- restore makes a card stand as it was packed.
function stand.restore(a, k, uid, packed, now)
  local all = {}
  for value in string.gmatch(packed .. '|', '([^|]*)|') do all[#all + 1] = value end
  for i, name in ipairs(stand.STANDS) do
    local value = all[i + 1]
    if name == 'rev' then
      break -- what is known stays known
    elseif value == '' and name ~= 'open' and name ~= 'open_l0' then
      redis.call('HDEL', k.card, name)
    else
      redis.call('HSET', k.card, name, value)
    end
  end
  redis.call('HDEL', k.card, 'challenge', 'leapt')
  local claim = all[#stand.STANDS + 2]
  if claim == '' then redis.call('DEL', k.claim) else redis.call('SET', k.claim, claim) end
  for _, one in ipairs(marks.doubts(a, uid)) do marks.doubt(a, string.match(one, '^[^=]+'), '') end
  for one, mark in string.gmatch(all[#stand.STANDS + 3], '([^=,]+)=([A-Z_]+)') do marks.doubt(a, one, mark) end
  if all[1] == '1' and not string.find(',' .. a.freeze, ',mismatch=', 1, true) then
    a.freeze = ledger.freeze(a.freeze, 'mismatch', 'hub')
    ledger.enter(a, k.entries, 'freeze', 'mismatch', 0, now)
    ledger.save(a)
  end
end
