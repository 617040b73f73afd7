-- Deletes each value that has the wrong type. Idempotent.
-- KEYS. ARGV: the right type for each. Returns for each 1 if it was deleted, else 0.
local deleted = {}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  deleted[i] = (kind == 'none' or kind == ARGV[i]) and 0 or redis.call('UNLINK', key)
end
return deleted
