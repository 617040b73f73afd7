-- Adds to the levels of leaky buckets, and says how full they are: one for each key.
-- KEYS: buckets. ARGV: for each bucket what it leaks a second, and what to add.
-- Returns the levels, as text. Repeating it adds again: whoever lost the reply must not.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept, levels = {}, {}
for i, key in ipairs(KEYS) do
  kept[i] = redis.call('GET', key) or ''
end
for i, key in ipairs(KEYS) do
  local leak, more = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local level, at = string.match(kept[i], '^([%d.]+) ([%d.]+)$')
  level, at = tonumber(level) or 0, tonumber(at) or now
  -- A bucket that was filled later than now is from before the clock was set back.
  local filled = math.min(at, now)
  level = math.max(0, level - (now - filled) * leak) + more
  if more > 0 or at > now then
    local life = math.ceil(level / leak * 1000) + 1000
    -- Without room the workers go on with what each of them has counted itself.
    redis.pcall('SET', key, string.format('%.4f %.4f', level, now), 'PX', life)
  end
  levels[i] = string.format('%.4f', level)
end
return levels
