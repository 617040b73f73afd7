-- Begins a write: takes the cart's lock, or a place in the queue for it, and loads the record.
-- KEYS: record, lock, queue, and the idempotency entries where the write has a key.
-- ARGV: owner, lease ms, ms that a place in the queue lasts unless asked again, label, intent,
--       entry, fingerprint, entry's life ms, a kept answer that can't be read and counts as none.
-- Returns {"mismatch"}, {"replay", now, record, answer}, {"busy", "open" if the key is at work, how
-- many wait before this one}, {"full", "open" or not} where too many wait,
-- or {"granted", now, record, labels of those who wait, "open" if an earlier write with the key has
-- not ended or is in doubt}. The owner may repeat it at any time.
local owner, lease, patience = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open = ''
-- Each who waits is looked at by each who asks; and of more than these, hardly one gets its turn.
local most_waiting = 16

if KEYS[4] then
  local fingerprint, answer = find_entry(KEYS[4], ARGV[6], now)
  if fingerprint and fingerprint ~= ARGV[7] then
    redis.call('HDEL', KEYS[3], owner)  -- it waits no more, and nobody behind it
    return {'mismatch'}
  elseif answer == 'open' then
    open = answer
  elseif answer and answer ~= ARGV[9] then
    redis.call('HDEL', KEYS[3], owner)
    return {'replay', string.format('%d', now), redis.call('GET', KEYS[1]), answer}
  end
end

local place, last, labels, gone = nil, 0, {}, {}
local queue = redis.call('HGETALL', KEYS[3])
for i = 1, #queue, 2 do
  local number, expires, label = string.match(queue[i + 1], '^(%d+) (%d+) (%w* ?[%w.]*)$')
  local left = number and expires - now
  -- No place lasts longer, unless the clock was set back.
  if not number or left < 0 or left > patience then
    gone[#gone + 1] = queue[i]
  elseif queue[i] == owner then
    place = tonumber(number)
  else
    labels[#labels + 1] = {tonumber(number), label}
    last = math.max(last, tonumber(number))
  end
end
local before = 0
for _, waiting in ipairs(labels) do
  if not place or waiting[1] < place then
    before = before + 1
  end
end

local holder = redis.call('GET', KEYS[2])
if holder ~= owner and (holder or before > 0) then
  if not place and before >= most_waiting then
    return {'full', open}
  end
  local waits = string.format('%d %d %s', place or last + 1, now + patience, ARGV[4])
  redis.call('HSET', KEYS[3], owner, waits)
  redis.call('PEXPIRE', KEYS[3], 60000)
  -- The same for a lock, which Redis too keeps until a time by its clock.
  local left = redis.call('PTTL', KEYS[2])
  if left == -1 or left > lease then
    redis.call('PEXPIRE', KEYS[2], lease)
  end
  return {'busy', open, before}
end

-- The first write, so that a storage without room refuses here, before anything is done.
redis.call('SET', KEYS[2], owner, 'PX', lease)
gone[#gone + 1] = owner
for _, each in ipairs(gone) do
  redis.call('HDEL', KEYS[3], each)
end
if KEYS[4] and open == '' then
  sweep_entries(KEYS[4], now)
  keep_entry(KEYS[4], ARGV[6], ARGV[7] .. ' open', now, ARGV[8])
end
local record = redis.call('GET', KEYS[1])
if parts(record) and ARGV[5] ~= '' and not string.find(record, '\n' .. ARGV[5], 1, true) then
  -- What a writer means to do stands here until it ends: if it dies, the next one settles it.
  redis.call('APPEND', KEYS[1], '\n' .. ARGV[5])
end
local waiting = {}
for i, each in ipairs(labels) do
  waiting[i] = each[2]
end
return {'granted', string.format('%d', now), record, waiting, open}
