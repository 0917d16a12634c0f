-- count: what all scripts of this package know. A count is a sorted set: '-' and the
-- id of a take, '+' and the id of one of a part → when it counts from.
-- ARGV 1 now in ms, empty: the server's time  2 id  then five for each key:
--   most, for how long in ms, '1' for a run, most of the part ('0': no part), delay in ms
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function rule(i)
  local at = 3 + (i - 1) * 5
  local part = tonumber(ARGV[at + 3])
  return {
    key = KEYS[i], id = (part > 0 and '+' or '-') .. ARGV[2], part = part, most = tonumber(ARGV[at]), per = tonumber(ARGV[at + 1]), run = ARGV[at + 2] == '1',
    delay = tonumber(ARGV[at + 4]),
  }
end
-- nth is when the take at a place counts from; negative places are from the end.
local function nth(key, place) return tonumber(redis.call('ZRANGE', key, place, place, 'WITHSCORES')[2]) end
-- forget removes what is over: a run as a whole, once nothing was added for so long.
local function forget(r)
  if not r.run then
    redis.call('ZREMRANGEBYSCORE', r.key, '-inf', string.format('%.0f', now - r.per))
  else
    local last = nth(r.key, -1)
    if last and last + r.per <= now then redis.call('DEL', r.key) end
  end
end
local function add(r)
  redis.call('ZADD', r.key, string.format('%.0f', now + r.delay), r.id)
  redis.call('PEXPIRE', r.key, string.format('%.0f', r.per + r.delay))
end
