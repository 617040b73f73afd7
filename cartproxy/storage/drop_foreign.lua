-- Deletes each value of another type than belongs at its key; may be repeated.
-- KEYS. ARGV: the type for each. Returns for each whether it was deleted, as 1 or 0.
local deleted = {}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  deleted[i] = (kind == 'none' or kind == ARGV[i]) and 0 or redis.call('UNLINK', key)
end
return deleted
