-- refunds: what the refund scripts share.
-- include ledger

-- add changes a stored amount.
function refunds.add(stored, amount) return ledger.text(tonumber(stored or '0') + amount) end

-- among puts a refund's number into its order's list.
function refunds.among(list, no)
  if not list or list == '' then return no end
  return list .. ' ' .. no
end
