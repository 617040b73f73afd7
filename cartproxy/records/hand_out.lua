-- Notes whose cart a checkout was handed out for, so that its order finds it; may be repeated.
-- KEYS: the cart's entry, the day, and an entry for each line. ARGV: the record's name, site, the
-- hash in the entry's key, the entries' life ms, the day's.
local is_new = redis.call('HSETNX', KEYS[1], 'name', ARGV[1]) == 1
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'site', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[3], 'PX', ARGV[4])
end
if is_new then
  tally(KEYS[2], ARGV[2], 'checkouts', 1, ARGV[5])
end
return 1
