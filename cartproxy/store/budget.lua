-- Reserves the next calls to a store: a virtual schedule that all workers share (GCRA).
-- KEYS: schedule. ARGV: ms between calls, burst, calls wanted, longest wait ms, the longest ms that
--       a schedule can be ahead, "" or ms to pause.
-- Returns 1 and the ms until each call may start; or 0 and the ms until that many could.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local lead = (burst - 1) * interval
local next_slot = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now)
-- Further ahead than any call or pause can have put it: the clock was set back, or it is no number.
if not (next_slot - now <= tonumber(ARGV[5])) then
  next_slot = now
end
if ARGV[6] ~= '' then
  next_slot = math.max(next_slot, now + ARGV[6] + lead)
elseif next_slot + (wanted - 1) * interval - lead - now > tonumber(ARGV[4]) then
  return {0, math.ceil(next_slot + (wanted - 1) * interval - lead - now)}
end
local waits = {1}
for i = 0, wanted - 1 do
  waits[i + 2] = math.ceil(math.max(0, next_slot + i * interval - lead - now))
end
next_slot = next_slot + wanted * interval
local life = math.ceil(next_slot - now + 1000)
-- A storage without room takes no writes, but reads and deletes go on: then without a schedule.
redis.pcall('SET', KEYS[1], string.format('%.3f', next_slot), 'PX', life)
return waits
