-- Reserves the next calls to a store in a virtual schedule that all workers share (GCRA), and in one
-- of each payer: an address or a site that may use a part of the rate and of the burst.
-- KEYS: the schedule, then one for each payer. ARGV: ms between calls, burst, calls wanted, least
--       calls that are useful, how many of the burst to leave to others, longest wait in ms, longest
--       time in ms that a schedule can be ahead, "" or ms to pause, then each payer's part.
-- Returns how many calls are granted and the ms until each may start; or 0 and the ms until the
-- least could.
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, least, leaves = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local patience, longest = tonumber(ARGV[6]), tonumber(ARGV[7])

local schedules = {}
for i, key in ipairs(KEYS) do
  local part = i == 1 and 1 or tonumber(ARGV[7 + i])
  local step = interval / part
  local lead = (math.ceil(burst * part) - 1) * step
  local next_slot = math.max(tonumber(redis.call('GET', key)) or 0, now)
  -- Further ahead than any call or pause can put it (the clock was set back), or not a number.
  if not (next_slot - now <= longest / part) then
    next_slot = now
  end
  local kept = i == 1 and leaves or 0
  schedules[i] = {key = key, step = step, lead = lead, next = next_slot, leaves = kept}
end
if ARGV[8] ~= '' then
  local store = schedules[1]
  store.next = math.max(store.next, now + ARGV[8] + store.lead)
end

local granted, soonest = wanted, 0
for _, each in ipairs(schedules) do
  local free = (now + each.lead + patience - each.next) / each.step + 1 - each.leaves
  granted = math.min(granted, math.floor(free + 1e-6))
  soonest = math.max(soonest, each.next + (least + each.leaves - 1) * each.step - each.lead - now)
end
if ARGV[8] ~= '' then
  granted = 0
elseif granted < least then
  return {0, math.ceil(soonest)}
end
local waits = {granted}
for i = 0, granted - 1 do
  local wait = 0
  for _, each in ipairs(schedules) do
    wait = math.max(wait, each.next + i * each.step - each.lead - now)
  end
  waits[i + 2] = math.ceil(wait)
end
for _, each in ipairs(schedules) do
  each.next = each.next + granted * each.step
  local life = math.ceil(each.next - now + 1000)
  -- When Redis is full, reads and deletes still work; they then run without a schedule.
  redis.pcall('SET', each.key, string.format('%.3f', each.next), 'PX', life)
end
return waits
