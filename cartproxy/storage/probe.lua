-- Tests the commands that carts need for writing, and leaves nothing. KEYS: an unused key.
redis.call('SET', KEYS[1], redis.call('TIME')[1], 'PX', 1000)
return redis.call('DEL', KEYS[1])
