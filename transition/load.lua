-- load.lua: what tap and load_result share, put after ledger.lua.

-- live says whether an attempt of a load may still be used by its terminal.
local function live(load, n, who)
  return string.find(',' .. (load.live or '') .. ',', ',' .. n .. '=' .. who .. ',', 1, true) ~= nil
end

-- confirm ends an open load as written on the card: the counter moved, so the
-- card took this amount, and every attempt is over.
-- k holds the keys: entries, tot, card, load, claim, doubt.
local function confirm(a, k, id, load, evidence, now)
  a.load_held = a.load_held - tonumber(load.amount)
  enter(a, k.entries, 'confirm', id, tonumber(load.amount), now)
  save(a)
  post(k.tot, { load_held = tonumber(load.amount), loaded = -tonumber(load.amount) })
  redis.call('SET', k.claim, id)
  redis.call('HSET', k.card, 'L', text(tonumber(load.L0) + 1), 'open', '', 'open_l0', '')
  redis.call('HINCRBY', k.card, 'loads', '1')
  redis.call('HSET', k.load, 'state', 'CONFIRMED', 'confirmed', now, 'evidence', evidence, 'live', '')
  redis.call('ZREM', k.doubt, id)
end
