-- Loads a cart record and slides its idle life. Repeating it changes nothing more.
-- KEYS: record, lock, queue, and where an order is to be shown its note. ARGV: idle life ms,
-- absolute life ms, "1" to note that the checkout is handed out. Returns: now ms, the record as it
-- was before, 1 while a write is at work or waits, and what to show of an order, or nil.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local record = redis.call('GET', KEYS[1])
local made, revision, _, state, intents = parts(record)
if made then
  if ARGV[3] == '1' then
    local noted = join(made, revision, string.format('%d', now), state, intents)
    -- Reads go on when the storage has no room; the note is then missing.
    redis.pcall('SET', KEYS[1], noted, 'KEEPTTL')
  end
  local left = math.min(tonumber(ARGV[1]), made + ARGV[2] - now)
  redis.call('PEXPIRE', KEYS[1], string.format('%d', math.max(left, 0)))
end
local busy = redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HLEN', KEYS[3]) > 0
local answer = {string.format('%d', now), record, busy and 1 or 0}
local order, bought = string.match(KEYS[4] and redis.call('GET', KEYS[4]) or '', '^(%S+) (.+)$')
if bought then
  -- What has been shown stays known, for a delivery that comes again.
  redis.pcall('SET', KEYS[4], order, 'KEEPTTL')
  answer[4] = bought
end
return answer
