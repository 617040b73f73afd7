-- Begins a write: takes the cart's lock, or a place in the queue for it, and loads the record.
-- KEYS: record, lock, queue, and the idempotency entries where the write has a key.
-- ARGV: owner, lease ms, ms that a place in the queue lasts unless asked again, label, intent,
--       entry, fingerprint, entry's life ms.
-- Returns {"mismatch"}, {"replay", now, record, answer}, {"busy", "open" if the key is at work}
-- or {"granted", now, record, labels of those who wait}. The owner may repeat it at any time.
local owner = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open = ''

if KEYS[4] then
  local fingerprint, answer = find_entry(KEYS[4], ARGV[6], now)
  if fingerprint and fingerprint ~= ARGV[7] then
    return {'mismatch'}
  elseif answer == 'open' then
    open = answer
  elseif answer then
    return {'replay', string.format('%d', now), redis.call('GET', KEYS[1]), answer}
  end
end

local place, earlier, labels, left = nil, false, {}, {}
local queue = redis.call('HGETALL', KEYS[3])
for i = 1, #queue, 2 do
  local number, expires, label = string.match(queue[i + 1], '^(%d+) (%d+) (.*)$')
  if number and tonumber(expires) < now then
    left[#left + 1] = queue[i]
  elseif number and queue[i] == owner then
    place = tonumber(number)
  elseif number then
    labels[#labels + 1] = {tonumber(number), label}
  end
end
for _, waiting in ipairs(labels) do
  earlier = earlier or not place or waiting[1] < place
end

local holder = redis.call('GET', KEYS[2])
if holder ~= owner and (holder or earlier) then
  place = place or redis.call('HINCRBY', KEYS[3], '#', 1)
  local waits = string.format('%d %d %s', place, now + ARGV[3], ARGV[4])
  redis.call('HSET', KEYS[3], owner, waits)
  redis.call('PEXPIRE', KEYS[3], 60000)
  return {'busy', open}
end

-- The first write, so that a storage without room refuses here, before anything is done.
redis.call('SET', KEYS[2], owner, 'PX', ARGV[2])
redis.call('HDEL', KEYS[3], owner, unpack(left))
if KEYS[4] and open == '' then
  sweep_entries(KEYS[4], now)
  keep_entry(KEYS[4], ARGV[6], ARGV[7] .. ' open', now, ARGV[8])
end
local record = redis.call('GET', KEYS[1])
if record and ARGV[5] ~= '' and not string.find(record, '\n' .. ARGV[5], 1, true) then
  -- What a writer means to do stands here until it ends: if it dies, the next one settles it.
  redis.call('APPEND', KEYS[1], '\n' .. ARGV[5])
end
local waiting = {}
for i, each in ipairs(labels) do
  waiting[i] = each[2]
end
return {'granted', string.format('%d', now), record, waiting}
