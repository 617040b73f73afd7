-- Adds to a figure of a site in the books of a day. Goes before the scripts that use it.
-- Whoever is no browser may make up the sites of a wildcard: beyond so many they are one.
local function tally(day, site, figure, by, life)
  local field = figure .. ' ' .. site
  if redis.call('HEXISTS', day, field) == 0 and redis.call('HLEN', day) >= 4000 then
    field = figure .. ' *'
  end
  redis.call('HINCRBY', day, field, by)
  redis.call('PEXPIRE', day, life)
end
