-- Ends a write: saves the record, or forgets it, and frees the lock. Its owner may repeat it.
-- KEYS: record, lock, and the idempotency entry where the write has a key.
-- ARGV: owner, idle life ms, absolute life ms, entry's life ms, answer to keep under the entry or
--       "", action, and what the action needs:
--       save: order key, fields and values. forget: nothing. abandon: nothing, the record stays.
--       release: intents of dead writers as they were before this write began.
-- Returns 1; 0 when the owner has lost the lock, and then nothing is changed.
local action = ARGV[6]
local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] then
  -- Done before, if the first reply was lost; else the lock has run out.
  local saved = action == 'save' and redis.call('HGET', KEYS[1], 'revision') == ARGV[1]
  local forgotten = action == 'forget' and redis.call('EXISTS', KEYS[1]) == 0
  local freed = action == 'release' or action == 'abandon'
  return (not holder and (saved or forgotten or freed)) and 1 or 0
end
if action == 'forget' then
  redis.call('DEL', KEYS[1])
elseif action == 'release' then
  if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'intents', ARGV[7])
  end
elseif action == 'save' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if redis.call('HGET', KEYS[1], 'order_key') ~= ARGV[7] then
    redis.call('HDEL', KEYS[1], 'checkout_at')
  end
  redis.call('HSETNX', KEYS[1], 'created', string.format('%d', now))
  redis.call('HDEL', KEYS[1], 'intents')
  redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'order_key', ARGV[7], unpack(ARGV, 8))
  local created = redis.call('HGET', KEYS[1], 'created')
  local left = math.min(tonumber(ARGV[2]), created + ARGV[3] - now)
  redis.call('PEXPIRE', KEYS[1], string.format('%d', math.max(left, 0)))
end
if KEYS[3] and ARGV[5] ~= '' then
  redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[4])
end
redis.call('DEL', KEYS[2])
return 1
