-- import: takes an account, its card, arrears and freezes as the card core
-- states them. The same version again changes nothing, an older one neither.
-- include ledger marks
-- KEYS account entries card before count
-- ARGV account_no version status arrears freezes uid card_no card_version profile now before_uid
--     refused
-- REPLY IMPORTED entries | DUP version | STALE version | BUSY | OTHER_ACCOUNT | RETRY
--   card: card (before if none)
--   before: the card now in force (card if none or the same)
--   freezes: freeze reasons, sorted, 'lost,abuse'
--   uid: card uid
--   before_uid: uid of the card that the caller takes for the one in force, or ''
--   refused: why the caller knows the card cannot be taken over (OTHER_ACCOUNT), or ''
--   BUSY: the card has an open load, so its version cannot change
-- Invariants: money is not touched; the core's reasons and arrears become what
-- it says, the hub's own reasons stay.
local now, arrears = ARGV.now, tonumber(ARGV.arrears)
local a = ledger.account(KEYS.account)
if a.ver == ARGV.version then
  redis.call('HINCRBY', KEYS.account, 'dup', '1')
  return { 'DUP', a.ver }
end
if a.ver ~= '' and tonumber(ARGV.version) < tonumber(a.ver) then return { 'STALE', a.ver } end
if a.part ~= '' and tonumber(ARGV.version) < tonumber(a.part) then return { 'STALE', a.part } end
if a.card ~= ARGV.before_uid then return { 'RETRY' } end
-- A card that cannot be taken over keeps neither a freeze nor arrears waiting.
-- The version is then held in part: it may come again for its card, and only
-- for that, since arrears may have been paid meanwhile.
local card, refused = {}, ARGV.refused
if ARGV.uid ~= '' then
  card = ledger.hash(KEYS.card)
  if card.account and card.account ~= ARGV.account_no then
    refused = 'OTHER_ACCOUNT'
  elseif card.account and card.version ~= ARGV.card_version and (card.open or '') ~= '' then
    refused = 'BUSY'
  end
end

local first, again = a.seq, a.part == ARGV.version
if not again then
  if a.status ~= ARGV.status then
    a.status = ARGV.status
    ledger.enter(a, KEYS.entries, 'open', ARGV.version, 0, now)
  end
  if a.arrears ~= arrears then
    local change = arrears - a.arrears
    a.arrears = arrears
    ledger.enter(a, KEYS.entries, 'arrears', ARGV.version, change, now)
  end
  local old, new, names = {}, {}, {}
  for name, owner in string.gmatch(a.freeze, '([a-z_]+)=([a-z_]+)') do
    old[name] = owner
    if owner ~= 'core' then new[name] = owner end
  end
  for name in string.gmatch(ARGV.freezes, '[a-z_]+') do new[name] = new[name] or 'core' end
  if arrears > 0 then new.arrears = 'core' end
  for name in pairs(new) do names[#names + 1] = name end
  table.sort(names)
  local packed = {}
  for _, name in ipairs(names) do packed[#packed + 1] = name .. '=' .. new[name] end
  a.freeze = table.concat(packed, ',')
  for _, name in ipairs(names) do
    if not old[name] then ledger.enter(a, KEYS.entries, 'freeze', name, 0, now) end
  end
  local gone = {}
  for name in pairs(old) do
    if not new[name] then gone[#gone + 1] = name end
  end
  table.sort(gone)
  for _, name in ipairs(gone) do ledger.enter(a, KEYS.entries, 'thaw', name, 0, now) end
end

if refused == '' and ARGV.uid ~= '' and (a.card ~= ARGV.uid or card.version ~= ARGV.card_version or card.card_no ~= ARGV.card_no
  or card.profile ~= ARGV.profile or card.status ~= 'in_force') then
  if a.card ~= '' and a.card ~= ARGV.uid then
    redis.call('HSET', KEYS.before, 'status', 'out')
  end
  if card.version and card.version ~= ARGV.card_version then
    -- Counters belong to a version: the old one's is kept, in case it returns.
    if card.L then redis.call('HSET', KEYS.card, 'L:' .. card.version, card.L) end
    if card.mark == 'UNKNOWN_LOAD' then redis.call('HSET', KEYS.card, 'seen:' .. card.version, card.seen) end
    if card['L:' .. ARGV.card_version] then
      redis.call('HSET', KEYS.card, 'L', card['L:' .. ARGV.card_version])
    else
      redis.call('HDEL', KEYS.card, 'L')
    end
    redis.call('HDEL', KEYS.card, 'mark', 'seen', 'desk', 'repair', 'challenge', 'leapt', 'shown', 'mended', 'cash', 'adopt', 'before',
      'after')
    -- What stood against a version stands against it when it returns.
    local mark = marks.doubted(a, ARGV.uid .. ':' .. ARGV.card_version)
    if mark == 'CONFLICT' or mark == 'UNKNOWN_LOAD' then
      redis.call('HSET', KEYS.card, 'mark', mark, 'seen', card['seen:' .. ARGV.card_version] or card['L:' .. ARGV.card_version] or '0')
    end
  end
  redis.call('HSET', KEYS.card, 'account', ARGV.account_no, 'card_no', ARGV.card_no, 'version', ARGV.card_version, 'profile', ARGV.profile,
    'status', 'in_force')
  ledger.enter(a, KEYS.entries, 'card', ARGV.uid, 0, now)
  redis.call('HSET', KEYS.account, 'card', ARGV.uid)
end
if a.card ~= '' and (ARGV.uid == '' or refused ~= '' and a.card ~= ARGV.uid) then
  -- The account has no card now, or one that the hub cannot take over: the one
  -- before it is not the holder's any more.
  redis.call('HSET', KEYS.before, 'status', 'out')
  ledger.enter(a, KEYS.entries, 'card', '-', 0, now)
  redis.call('HSET', KEYS.account, 'card', '')
end
ledger.save(a)
redis.call('HSET', KEYS.account, 'status', a.status)
if refused ~= '' then
  redis.call('HSET', KEYS.account, 'part', ARGV.version)
  return { refused }
end
redis.call('HSET', KEYS.account, 'ver', ARGV.version)
if a.part ~= '' then redis.call('HDEL', KEYS.account, 'part') end
return { 'IMPORTED', ledger.text(a.seq - first) }
