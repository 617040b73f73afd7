-- Ends a write: saves the record, or forgets it, and frees the lock. Its owner may repeat it.
-- KEYS: record, lock, and the idempotency entries where the write has a key.
-- ARGV: owner, idle life ms, absolute life ms, entry's life ms, entry, its fingerprint and the
--       answer to keep under it, or "" to leave it open, or "-" to remove it; action, and what the
--       action needs:
--       save: "same" or "other" for the cart at the store, state. forget: nothing. abandon:
--       nothing, the record stays. release: the write's own intent, which goes.
-- Returns 1; 0 when the owner has lost the lock, and then nothing is changed.
local action = ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local made, revision, checkout_at, state, intents = parts(redis.call('GET', KEYS[1]))
local holder = redis.call('GET', KEYS[2])
if holder ~= ARGV[1] then
  -- Done before, if the first reply was lost; else the lock has run out.
  local saved = action == 'save' and revision == ARGV[1]
  local forgotten = action == 'forget' and not made
  local freed = action == 'release' or action == 'abandon'
  return (not holder and (saved or forgotten or freed)) and 1 or 0
end
if action == 'forget' then
  redis.call('DEL', KEYS[1])
elseif action == 'release' and made and ARGV[8] ~= '' then
  local first, last = string.find(intents, '\n' .. ARGV[8], 1, true)
  if first then
    intents = string.sub(intents, 1, first - 1) .. string.sub(intents, last + 1)
    -- Without room it stays, and is in doubt; the lock is freed all the same.
    redis.pcall('SET', KEYS[1], join(made, revision, checkout_at, state, intents), 'KEEPTTL')
  end
elseif action == 'save' then
  made = made or string.format('%d', now)
  if ARGV[8] ~= 'same' then
    checkout_at = nil
  end
  local record = join(made, ARGV[1], checkout_at or '0', ARGV[9], '')
  local left = math.min(tonumber(ARGV[2]), made + ARGV[3] - now)
  local saved = redis.pcall('SET', KEYS[1], record, 'PX', string.format('%d', math.max(left, 1)))
  if saved.err then
    -- No room: as if abandoned, so that what was done is in doubt and nobody waits for the lock.
    redis.call('DEL', KEYS[2])
    return saved
  end
end
if KEYS[3] and ARGV[6] == '-' then
  redis.call('HDEL', KEYS[3], ARGV[5])
elseif KEYS[3] and ARGV[6] ~= '' then
  keep_entry(KEYS[3], ARGV[5], ARGV[6], now, ARGV[4])
end
redis.call('DEL', KEYS[2])
return 1
