-- Adds to the levels of leaky buckets, one for each key, and returns the new levels.
-- KEYS: buckets. ARGV: for each bucket its leak per second, and how much to add (below 0: to take
--       back, of which a part may have leaked already).
-- Returns the levels, as text. Not idempotent: must not be repeated after a lost reply.
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
  -- Damaged: nobody gets that far over a quota.
  if level > leak * 3600 then level = 0 end
  -- A time in the future: the clock was set back.
  local filled = math.min(at, now)
  level = math.max(0, math.max(0, level - (now - filled) * leak) + more)
  if more ~= 0 or at > now then
    local life = math.ceil(level / leak * 1000) + 1000
    -- If Redis is full, each worker goes on with its own counts.
    redis.pcall('SET', key, string.format('%.4f %.4f', level, now), 'PX', life)
  end
  levels[i] = string.format('%.4f', level)
end
return levels
