-- Keeps the list of live carts by when each would be forgotten; may be repeated.
-- KEYS: list. ARGV: idle life ms, how many names are of carts in use, those names, and after them
--       the names of carts that have ended.
-- Returns how many are alive now.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local used = tonumber(ARGV[2])
for i = 3, #ARGV do
  if i <= used + 2 then
    redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[1]), ARGV[i])
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now))
return redis.call('ZCARD', KEYS[1])
