-- events: how an event comes into the feed of a partition.

-- tell appends an event. Its number is one more than the last one's, so that a reader
-- sees whether it has missed any.
function events.tell(feed, kind, of)
  local last = redis.call('XREVRANGE', feed, '+', '-', 'COUNT', '1')
  local n = last[1] and tonumber(string.match(last[1][1], '^%d+')) or 0
  redis.call('XADD', feed, 'MAXLEN', '~', '2000', string.format('%.0f-0', n + 1), kind, of)
end
