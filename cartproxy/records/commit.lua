-- Ends a write: saves the record, or forgets it, and frees the lock. Its owner may repeat it.
-- KEYS: record, lock, and the idempotency entries where there are answers to keep.
-- ARGV: owner, action, idle life ms, absolute life ms, entry's life ms, what the action needs, and
--       after that entry and answer of each that is to be kept, or "-" where one is to be removed.
--       save, keep: "same" or "other" for the cart at the store, state; `keep` goes on writing.
--       forget: nothing. abandon: nothing, the record stays. release: the write's own intent, which
--       goes. What an action does not need is "".
-- Returns 1; 0 when the owner has lost the lock, and then nothing is changed.
local owner, action = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local made, revision, checkout_at, state, intents = parts(redis.call('GET', KEYS[1]))
local holder = redis.call('GET', KEYS[2])
if holder ~= owner then
  -- Done before, if the first reply was lost; else the lock has run out.
  local saved = action == 'save' and revision == owner
  local forgotten = action == 'forget' and not made
  local freed = action == 'release' or action == 'abandon'
  return (not holder and (saved or forgotten or freed)) and 1 or 0
end
if action == 'forget' then
  redis.call('DEL', KEYS[1])
elseif action == 'release' and made and ARGV[6] ~= '' then
  local first, last = string.find(intents, '\n' .. ARGV[6], 1, true)
  if first then
    intents = string.sub(intents, 1, first - 1) .. string.sub(intents, last + 1)
    -- Without room it stays, and is in doubt; the lock is freed all the same.
    redis.pcall('SET', KEYS[1], join(made, revision, checkout_at, state, intents), 'KEEPTTL')
  end
elseif action == 'save' or action == 'keep' then
  made = made or string.format('%d', now)
  if ARGV[6] ~= 'same' then
    checkout_at = nil
  end
  -- The revision of a record that is kept meanwhile is not that of the end.
  revision = action == 'save' and owner or owner .. '*'
  local record = join(made, revision, checkout_at or '0', ARGV[7], '')
  local left = math.min(tonumber(ARGV[3]), made + ARGV[4] - now)
  local saved = redis.pcall('SET', KEYS[1], record, 'PX', string.format('%d', math.max(left, 1)))
  if saved.err then
    -- No room: as if abandoned, so that what was done is in doubt and nobody waits for the lock.
    redis.call('DEL', KEYS[2])
    return saved
  end
end
if action == 'keep' then
  return 1
end
for i = 8, #ARGV, 2 do
  if ARGV[i + 1] == '-' then
    redis.call('HDEL', KEYS[3], ARGV[i])
  else
    answer_entry(KEYS[3], ARGV[i], ARGV[i + 1], now, ARGV[5])
  end
end
redis.call('DEL', KEYS[2])
return 1
