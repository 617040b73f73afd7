-- Begins a write: takes the cart's lock and loads its record. Its owner may repeat it.
-- KEYS: record, lock. ARGV: owner, lease ms.
-- Returns: now ms, fields and values; or nothing while another owner holds the lock.
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  return false
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return {string.format('%d', now), redis.call('HGETALL', KEYS[1])}
