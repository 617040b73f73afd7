-- Notes that a cart waits for the store with all or some of its lines; may be repeated.
-- KEYS: the store's list of such carts, by when they began to wait, and their address's, if it is
--       counted. ARGV: the cart, life ms, most of the store, most of an address.
-- Returns 1; 0 where there are as many already, and then nothing is changed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%d', now - ARGV[2]))
  local is_new = not redis.call('ZSCORE', key, ARGV[1])
  if is_new and redis.call('ZCARD', key) >= tonumber(ARGV[2 + i]) then
    return 0
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, 'NX', string.format('%d', now), ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2])
end
return 1
