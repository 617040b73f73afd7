-- Begins a write: takes the cart's lock, or a place in the queue for it, and loads the record.
-- KEYS: record, lock, queue, and the idempotency entry where the write has a key.
-- ARGV: owner, lease ms, ms that a place in the queue lasts unless asked again, label, intent,
--       fingerprint, entry's life ms.
-- Returns {"mismatch"}, {"replay", now, record, answer}, {"busy", "open" if the key is at work}
-- or {"granted", now, record, labels of those who wait}. The owner may repeat it at any time.
local owner = ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open = ''

if KEYS[4] then
  local entry = redis.call('GET', KEYS[4])
  if entry then
    local space = string.find(entry, ' ', 1, true)
    if string.sub(entry, 1, space - 1) ~= ARGV[6] then
      return {'mismatch'}
    end
    local state = string.sub(entry, space + 1)
    if state ~= 'open' then
      return {'replay', string.format('%d', now), redis.call('HGETALL', KEYS[1]), state}
    end
    open = 'open'
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
  redis.call('SET', KEYS[4], ARGV[6] .. ' open', 'PX', ARGV[7])
end
local record = redis.call('HGETALL', KEYS[1])
if ARGV[5] ~= '' and redis.call('HEXISTS', KEYS[1], 'order_key') == 1 then
  -- What a writer means to do stands here until it ends: if it dies, the next one settles it.
  local intents = redis.call('HGET', KEYS[1], 'intents')
  if not intents or intents == '' then
    redis.call('HSET', KEYS[1], 'intents', ARGV[5])
  elseif not string.find(intents, ARGV[5], 1, true) then
    redis.call('HSET', KEYS[1], 'intents', intents .. '\n' .. ARGV[5])
  end
end
local waiting = {}
for i, each in ipairs(labels) do
  waiting[i] = each[2]
end
return {'granted', string.format('%d', now), record, waiting}
