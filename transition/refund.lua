-- refund.lua: what the refund scripts share, put after ledger.lua.

-- add changes a stored amount.
local function add(stored, amount) return text(tonumber(stored or '0') + amount) end

-- among puts a refund's number into its order's list.
local function among(list, no)
  if not list or list == '' then return no end
  return list .. ' ' .. no
end
