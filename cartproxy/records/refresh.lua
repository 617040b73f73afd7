-- Saves what a reader has read back, unless a writer was or is at work since the reader loaded.
-- KEYS: record, lock. ARGV: revision and intents as loaded, action, and to save: the state, which
--       holds what those intents said. Actions: save, forget.
-- Returns 1 when done, else 0. Repeating it changes nothing more.
local made, revision, checkout_at, _, intents = parts(redis.call('GET', KEYS[1]))
local loaded = ARGV[2] == '' and '' or '\n' .. ARGV[2]
if revision ~= ARGV[1] or intents ~= loaded or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
if ARGV[3] == 'forget' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], join(made, revision, checkout_at, ARGV[4], ''), 'KEEPTTL')
end
return 1
