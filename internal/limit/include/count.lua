-- count: what the scripts of this package know. A count is a sorted set: '-' and the
-- id of a take, '+' and the id of one of a part → when it counts from.

-- now is the time in ms: the caller's, or the server's if that is empty.
function count.now()
  if ARGV.now ~= '' then return tonumber(ARGV.now) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- rule is what holds for the count at a place.
function count.rule(i)
  local part = tonumber(ARGV.part[i])
  return {
    key = KEYS.counts[i], id = (part > 0 and '+' or '-') .. ARGV.id, part = part, most = tonumber(ARGV.most[i]),
    per = tonumber(ARGV.per[i]), run = ARGV.run[i] == '1', delay = tonumber(ARGV.delay[i]),
  }
end

-- from is when each take of a count counts from, oldest first; of a part's takes alone
-- if that is asked for.
function count.from(r, part)
  local from, flat = {}, redis.call('ZRANGE', r.key, 0, -1, 'WITHSCORES')
  for i = 2, #flat, 2 do
    if not part or string.sub(flat[i - 1], 1, 1) == '+' then from[#from + 1] = tonumber(flat[i]) end
  end
  return from
end

-- forget removes what is over: a run as a whole, once nothing was added for so long.
function count.forget(r, now)
  if not r.run then
    redis.call('ZREMRANGEBYSCORE', r.key, '-inf', string.format('%.0f', now - r.per))
  else
    local last = redis.call('ZRANGE', r.key, -1, -1, 'WITHSCORES')[2]
    if last and tonumber(last) + r.per <= now then redis.call('DEL', r.key) end
  end
end

-- add puts a take on a count.
function count.add(r, now)
  redis.call('ZADD', r.key, string.format('%.0f', now + r.delay), r.id)
  redis.call('PEXPIRE', r.key, string.format('%.0f', r.per + r.delay))
end
