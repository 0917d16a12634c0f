-- cash: what a balance says, given what the card core told of purchases and cash.
-- include ledger

-- NEAR is how far the core's clock and the hub's may differ, and how late a signed
-- reading may arrive.
cash.NEAR = 300000

-- topped takes cash that reached the card about when, or after, the load was made with
-- its balance. Of what is near nobody can say whether the balance had it already.
function cash.topped(key, load, when, amount)
  local since = tonumber(load.since)
  if when >= since + cash.NEAR then
    load.topped = ledger.text(tonumber(load.topped or '0') + tonumber(amount))
    redis.call('HSET', key, 'topped', load.topped)
  elseif when > since - cash.NEAR then
    load.near = (load.near or '') == '' and amount or load.near .. ' ' .. amount
    redis.call('HSET', key, 'near', load.near)
  end
end

-- recount takes all cash that was told of a card for a load that was made with its
-- balance at load.since.
function cash.recount(key, load, card)
  load.topped, load.near = '0', ''
  redis.call('HSET', key, 'topped', '0', 'near', '')
  for when, amount in string.gmatch(card.cash or '', '(%d+):(%d+)') do cash.topped(key, load, tonumber(when), amount) end
end

-- most is the highest balance that cash can explain.
function cash.most(load, shall)
  for amount in string.gmatch(load.near or '', '%d+') do shall = shall + tonumber(amount) end
  return shall
end

-- reached says how a balance is what it shall be: 'exact', 'near' with some of the cash
-- that was near, 'many' if there was too much of that to tell, or not at all.
function cash.reached(load, B, shall)
  if B == shall then return 'exact' end
  if B < shall or B > cash.most(load, shall) then return nil end
  local sums = { 0 }
  for amount in string.gmatch(load.near or '', '%d+') do
    if #sums > 1000 then return 'many' end
    for i = 1, #sums do sums[#sums + 1] = sums[i] + tonumber(amount) end
  end
  for _, sum in ipairs(sums) do
    if B == shall + sum then return 'near' end
  end
  return nil
end

-- shows compares a reading at the load's own counter with what the load was made
-- with. 'same' is unchanged, or changed as the core's reports explain; 'hidden' is
-- changed by purchases that nobody reported, which could hide a torn write; 'torn'
-- is what nothing explains.
function cash.shows(load, core, B, P)
  local B0, P0 = tonumber(load.B0) + tonumber(load.topped or '0'), load.P0
  local function compare(other)
    local how = cash.reached(load, B, B0)
    if not how then return other end
    -- A write that was torn may explain it as well.
    if how == 'many' or how == 'near' and cash.reached(load, B, B0 + tonumber(load.amount)) then return 'hidden' end
    return 'same'
  end
  -- Without a purchase counter a meal and a torn write look alike.
  if P == P0 then return compare(P == '' and 'hidden' or 'torn') end
  if P == '' or P0 == '' then return 'hidden' end
  local from, to = tonumber(P0), tonumber(P)
  if to < from then return 'torn' end
  if to - from > 100 then return 'hidden' end
  local names = {}
  for n = from, to - 1 do names[#names + 1] = 'p:' .. ledger.text(n) end
  for _, spent in ipairs(redis.call('HMGET', core, unpack(names))) do
    if not spent then return 'hidden' end
    B0 = B0 - tonumber(spent)
  end
  return compare('torn')
end
