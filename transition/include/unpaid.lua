-- unpaid: the open orders of an account, as the field `open` packs them: tuples of
-- `ORDER channel amount payer expires merchant`, separated by semicolons.

-- unpaid lists the tuples of orders that may be paid after now.
function unpaid.list(open, now)
  local kept = {}
  for tuple in string.gmatch(open, '[^;]+') do
    if tonumber(string.match(tuple, '^%S+ %S+ %S+ %S+ (%S+)')) > now then kept[#kept + 1] = tuple end
  end
  return kept
end

-- served takes an order out of those that are open.
function unpaid.served(key, open, order)
  local kept = {}
  for tuple in string.gmatch(open, '[^;]+') do
    if string.match(tuple, '^%S+') ~= order then kept[#kept + 1] = tuple end
  end
  local rest = table.concat(kept, ';')
  if rest ~= open then redis.call('HSET', key, 'open', rest) end
end
