-- Puts orders that the store has told of where they wait to be read, each once; may be repeated.
-- KEYS: stream, orders known. ARGV: most that may wait, ms that an order stays known, orders' ids.
-- Returns how many are new; -1 where too many wait, and then nothing is changed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('XLEN', KEYS[1]) + #ARGV - 2 > tonumber(ARGV[1]) then
  return -1
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%d', now - ARGV[2]))
local new = 0
for i = 3, #ARGV do
  if redis.call('ZADD', KEYS[2], 'NX', string.format('%d', now), ARGV[i]) == 1 then
    redis.call('XADD', KEYS[1], '*', 'order', ARGV[i])
    new = new + 1
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return new
