-- Looks a product up, and says who asks the store for it.
-- KEYS: product, mark of whoever is asking. ARGV: ms for which a product is believed, ms for which it
--       is kept, ms for which a mark holds (0: nobody is to ask).
-- Returns the product or nothing; and "fresh", "ask" for the one that is to ask, or "wait".
local product = redis.call('GET', KEYS[1])
if product and redis.call('PTTL', KEYS[1]) > ARGV[2] - ARGV[1] then
  return {product, 'fresh'}
end
if ARGV[3] ~= '0' and redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[3]) then
  return {product, 'ask'}
end
return {product, 'wait'}
