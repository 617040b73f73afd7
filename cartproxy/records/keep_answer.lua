-- Keeps the answer of a write that needed no lock in the end; may be repeated.
-- KEYS: entries. ARGV: entry, its fingerprint and answer, its life ms.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
keep_entry(KEYS[1], ARGV[1], ARGV[2], now, ARGV[3])
return 1
