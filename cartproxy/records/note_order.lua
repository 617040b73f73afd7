-- Notes what was bought with a cart, to be shown once; may be repeated, also after it was shown.
-- KEYS: note. ARGV: the order's id, what to show, life ms.
local order = string.match(redis.call('GET', KEYS[1]) or '', '^%S+')
if order ~= ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
end
return 1
