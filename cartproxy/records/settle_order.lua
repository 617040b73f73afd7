-- Ends the delivery of an order, and books it once where it comes from a cart; may be repeated.
-- KEYS: stream, orders known; to book, the cart's entry and the day. ARGV: group, delivery, the
-- order's id where it is to be known no more, else ''; to book, site, value in minor units, the
-- entry's life ms, the day's.
-- Returns 1 if it was this delivery that was booked, else 0.
local booked = 0
if KEYS[3] then
  if redis.call('HSETNX', KEYS[3], 'booked', ARGV[2]) == 1 then
    redis.call('PEXPIRE', KEYS[3], ARGV[6])
    tally(KEYS[4], ARGV[4], 'orders', 1, ARGV[7])
    tally(KEYS[4], ARGV[4], 'value', ARGV[5], ARGV[7])
  end
  booked = redis.call('HGET', KEYS[3], 'booked') == ARGV[2] and 1 or 0
end
if ARGV[3] ~= '' then
  redis.call('ZREM', KEYS[2], ARGV[3])
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return booked
