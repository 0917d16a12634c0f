-- refund.lua: what the refund scripts share, put after ledger.lua.

-- freeze puts a reason into a packed set, which stays sorted.
local function freeze(set, reason, owner)
  local all = { reason .. '=' .. owner }
  for one in string.gmatch(unfreeze(set, reason), '[^,]+') do all[#all + 1] = one end
  table.sort(all)
  return table.concat(all, ',')
end

-- give takes money that left through the channel from the account: pending
-- first; what is on the card already is owed to the hub. It returns what was
-- taken of pending.
local function give(a, amount)
  local taken = math.max(0, math.min(a.pending, amount))
  a.pending, a.clawback = a.pending - taken, a.clawback + amount - taken
  if a.clawback > 0 then a.freeze = freeze(a.freeze, 'clawback', 'hub') end
  return taken
end

-- add changes a stored amount.
local function add(stored, amount) return text(tonumber(stored or '0') + amount) end

-- among puts a refund's number into its order's list.
local function among(list, no)
  if not list or list == '' then return no end
  return list .. ' ' .. no
end
