-- Saves what a reader has read back, unless a writer was or is at work since the reader loaded.
-- KEYS: record, lock. ARGV: revision as loaded, action, fields and values.
-- Actions: save, forget. Returns 1 when done, else 0. Repeating it changes nothing more.
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
if ARGV[2] == 'forget' then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], unpack(ARGV, 3))
end
return 1
