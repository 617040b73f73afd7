-- Looks a product up, and says who asks the store for it.
-- KEYS: product, mark of whoever is asking. ARGV: ms for which a product is believed, ms for which it
--       is kept, ms for which a mark holds (0: nobody is to ask).
-- Returns the product or nothing; and "fresh", "ask" for the one that is to ask, or "wait".
local product, left = redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])
-- Nothing is kept for longer than that, unless the clock was set back: then its age is not known.
if product and left > ARGV[2] - ARGV[1] and left <= tonumber(ARGV[2]) then
  return {product, 'fresh'}
end
local holds = redis.call('PTTL', KEYS[2])  -- below 0: there is no mark, or one that never ends
if ARGV[3] ~= '0' and (holds < 0 or holds > tonumber(ARGV[3])) then
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
  return {product, 'ask'}
end
return {product, 'wait'}
