-- idem: an idempotency key beside its effect; stored as 'fingerprint result'.

-- idem_check says FIRST, SAME (with the stored result) or CONFLICT.
function idem.check(key, fingerprint)
  local stored = redis.call('GET', key)
  if not stored then return 'FIRST' end
  local before, result = string.match(stored, '^(%S+) (.*)$')
  if before == fingerprint then return 'SAME', result end
  return 'CONFLICT'
end

-- idem_store keeps the result of a first request.
function idem.store(key, fingerprint, result)
  redis.call('SET', key, fingerprint .. ' ' .. result)
end

-- idem_count counts a repeat on the given hash, so that it writes something.
function idem.count(hash_key)
  redis.call('HINCRBY', hash_key, 'dup', '1')
end

-- idem_answer is the reply to a request whose key was used before, nil for a first
-- one or one without a key.
function idem.answer(key, fingerprint, given, hash_key)
  if given == '' then return nil end
  local verdict, first = idem.check(key, fingerprint)
  if verdict == 'CONFLICT' then return { 'IDEM_CONFLICT' } end
  if verdict == 'SAME' then
    idem.count(hash_key)
    return { 'SAME', first }
  end
end
