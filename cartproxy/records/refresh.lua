-- Saves what a reader has read back, unless a writer was or is at work since the reader loaded.
-- KEYS: record, lock. ARGV: revision as loaded, action, and to save: the state.
-- Actions: save, forget. Returns 1 when done, else 0. Repeating it changes nothing more.
local made, revision, checkout_at, _, intents = parts(redis.call('GET', KEYS[1]))
if revision ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
if ARGV[2] == 'forget' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], join(made, revision, checkout_at, ARGV[3], intents), 'KEEPTTL')
end
return 1
