-- Loads a cart record and slides its idle life. Repeating it changes nothing more.
-- KEYS: record, lock, queue. ARGV: idle life ms, absolute life ms, "1" to note that the checkout is
-- handed out. Returns: now ms, fields and values, 1 while a write is at work or waits.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local created = redis.call('HGET', KEYS[1], 'created')
if created then
  if ARGV[3] == '1' then
    -- Reads go on when the storage has no room; the note is then missing.
    redis.pcall('HSET', KEYS[1], 'checkout_at', string.format('%d', now))
  end
  local left = math.min(tonumber(ARGV[1]), created + ARGV[2] - now)
  redis.call('PEXPIRE', KEYS[1], string.format('%d', math.max(left, 0)))
end
-- One field of the queue counts its places.
local busy = redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HLEN', KEYS[3]) > 1
return {string.format('%d', now), redis.call('HGETALL', KEYS[1]), busy and 1 or 0}
