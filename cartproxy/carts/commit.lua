-- Ends a write: saves the record, or forgets it, and frees the lock. Its owner may repeat it.
-- KEYS: record, lock. ARGV: owner, idle life ms, absolute life ms, action, fields and values.
-- Actions: save, forget, release (leaves the record as it is).
-- Returns 1; 0 when the owner has lost the lock, and then nothing is changed.
local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] then
  if not holder and redis.call('HGET', KEYS[1], 'revision') == ARGV[1] then
    return 1
  end
  return 0
end
local action = ARGV[4]
if action == 'forget' then
  redis.call('DEL', KEYS[1])
elseif action == 'save' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('HSETNX', KEYS[1], 'created', string.format('%d', now))
  redis.call('HSET', KEYS[1], 'revision', ARGV[1], unpack(ARGV, 5))
  local created = redis.call('HGET', KEYS[1], 'created')
  local left = math.min(tonumber(ARGV[2]), created + ARGV[3] - now)
  redis.call('PEXPIRE', KEYS[1], string.format('%d', math.max(left, 0)))
end
redis.call('DEL', KEYS[2])
return 1
