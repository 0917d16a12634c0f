-- import: takes an account, its card, arrears and freezes as the card core
-- states them. The same version again changes nothing, an older one neither.
-- KEYS 1 account  2 entries  3 card (4 if none)  4 the card now in force (3 if
--      none or the same)
-- ARGV 1 account  2 version  3 status  4 arrears  5 freeze reasons, sorted, 'lost,abuse'
--      6 card uid  7 card_no  8 card version  9 profile  10 now
--      11 uid of the card that the caller takes for the one in force, or ''
--      12 why the caller knows the card cannot be taken over (OTHER_ACCOUNT), or ''
-- Replies: docs/keys.md.
-- Invariants: money is not touched; the core's reasons and arrears become what
-- it says, the hub's own reasons stay.
local now, arrears = ARGV[10], tonumber(ARGV[4])
local a = account(KEYS[1])
if a.ver == ARGV[2] then
  redis.call('HINCRBY', KEYS[1], 'dup', '1')
  return { 'DUP', a.ver }
end
if a.ver ~= '' and tonumber(ARGV[2]) < tonumber(a.ver) then return { 'STALE', a.ver } end
if a.part ~= '' and tonumber(ARGV[2]) < tonumber(a.part) then return { 'STALE', a.part } end
if a.card ~= ARGV[11] then return { 'RETRY' } end
-- A card that cannot be taken over keeps neither a freeze nor arrears waiting.
-- The version is then held in part: it may come again for its card, and only
-- for that, since arrears may have been paid meanwhile.
local card, refused = {}, ARGV[12]
if ARGV[6] ~= '' then
  card = hash(KEYS[3])
  if card.account and card.account ~= ARGV[1] then
    refused = 'OTHER_ACCOUNT'
  elseif card.account and card.version ~= ARGV[8] and (card.open or '') ~= '' then
    refused = 'BUSY'
  end
end

local first, again = a.seq, a.part == ARGV[2]
if not again then
  if a.status ~= ARGV[3] then
    a.status = ARGV[3]
    enter(a, KEYS[2], 'open', ARGV[2], 0, now)
  end
  if a.arrears ~= arrears then
    local change = arrears - a.arrears
    a.arrears = arrears
    enter(a, KEYS[2], 'arrears', ARGV[2], change, now)
  end
  local old, new, names = {}, {}, {}
  for name, owner in string.gmatch(a.freeze, '([a-z_]+)=([a-z_]+)') do
    old[name] = owner
    if owner ~= 'core' then new[name] = owner end
  end
  for name in string.gmatch(ARGV[5], '[a-z_]+') do new[name] = new[name] or 'core' end
  if arrears > 0 then new.arrears = 'core' end
  for name in pairs(new) do names[#names + 1] = name end
  table.sort(names)
  local packed = {}
  for _, name in ipairs(names) do packed[#packed + 1] = name .. '=' .. new[name] end
  a.freeze = table.concat(packed, ',')
  for _, name in ipairs(names) do
    if not old[name] then enter(a, KEYS[2], 'freeze', name, 0, now) end
  end
  local gone = {}
  for name in pairs(old) do
    if not new[name] then gone[#gone + 1] = name end
  end
  table.sort(gone)
  for _, name in ipairs(gone) do enter(a, KEYS[2], 'thaw', name, 0, now) end
end

if refused == '' and ARGV[6] ~= '' and (a.card ~= ARGV[6] or card.version ~= ARGV[8] or card.card_no ~= ARGV[7]
  or card.profile ~= ARGV[9] or card.status ~= 'in_force') then
  if a.card ~= '' and a.card ~= ARGV[6] then
    redis.call('HSET', KEYS[4], 'status', 'out')
  end
  if card.version and card.version ~= ARGV[8] then
    -- Counters belong to a version: the old one's is kept, in case it returns.
    if card.L then redis.call('HSET', KEYS[3], 'L:' .. card.version, card.L) end
    if card.mark == 'UNKNOWN_LOAD' then redis.call('HSET', KEYS[3], 'seen:' .. card.version, card.seen) end
    if card['L:' .. ARGV[8]] then
      redis.call('HSET', KEYS[3], 'L', card['L:' .. ARGV[8]])
    else
      redis.call('HDEL', KEYS[3], 'L')
    end
    redis.call('HDEL', KEYS[3], 'mark', 'seen', 'desk', 'repair', 'challenge', 'leapt', 'shown', 'mended', 'cash', 'adopt', 'before',
      'after')
    -- What stood against a version stands against it when it returns.
    local mark = doubted(a, ARGV[6] .. ':' .. ARGV[8])
    if mark == 'CONFLICT' or mark == 'UNKNOWN_LOAD' then
      redis.call('HSET', KEYS[3], 'mark', mark, 'seen', card['seen:' .. ARGV[8]] or card['L:' .. ARGV[8]] or '0')
    end
  end
  redis.call('HSET', KEYS[3], 'account', ARGV[1], 'card_no', ARGV[7], 'version', ARGV[8], 'profile', ARGV[9],
    'status', 'in_force')
  enter(a, KEYS[2], 'card', ARGV[6], 0, now)
  redis.call('HSET', KEYS[1], 'card', ARGV[6])
end
if a.card ~= '' and (ARGV[6] == '' or refused ~= '' and a.card ~= ARGV[6]) then
  -- The account has no card now, or one that the hub cannot take over: the one
  -- before it is not the holder's any more.
  redis.call('HSET', KEYS[4], 'status', 'out')
  enter(a, KEYS[2], 'card', '-', 0, now)
  redis.call('HSET', KEYS[1], 'card', '')
end
save(a)
redis.call('HSET', KEYS[1], 'status', a.status)
if refused ~= '' then
  redis.call('HSET', KEYS[1], 'part', ARGV[2])
  return { refused }
end
redis.call('HSET', KEYS[1], 'ver', ARGV[2])
if a.part ~= '' then redis.call('HDEL', KEYS[1], 'part') end
return { 'IMPORTED', text(a.seq - first) }
