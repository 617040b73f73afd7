-- Adds to the levels of leaky buckets, and tells where they stand: one for each key.
-- KEYS: buckets. ARGV: for each bucket what it leaks a second, and what to add.
-- Returns the levels, as text. Repeating it adds again: whoever lost the reply must not.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local levels = {}
for i, key in ipairs(KEYS) do
  local leak, more = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local level, at = string.match(redis.call('GET', key) or '0 0', '^(%S+) (%S+)$')
  level = math.max(0, level - (now - at) * leak) + more
  if more > 0 then
    local life = math.ceil(level / leak * 1000) + 1000
    -- Without room the workers go on with what each of them has counted itself.
    redis.pcall('SET', key, string.format('%.4f %.4f', level, now), 'PX', life)
  end
  levels[i] = string.format('%.4f', level)
end
return levels
