-- The idempotency entries of a cart: a hash with a field for each key, which holds when it ends in
-- ms, the request's fingerprint, and the answer or "open". Goes before the scripts that use it.
local function find_entry(entries, entry, now)
  local kept = redis.call('HGET', entries, entry) or ''
  local ends, fingerprint, answer = string.match(kept, '^(%d+) (%S+) (.*)$')
  if ends and tonumber(ends) > now then
    return fingerprint, answer
  end
end

local function keep_entry(entries, entry, kept, now, life)
  redis.call('HSET', entries, entry, string.format('%d ', now + life) .. kept)
  if redis.call('PTTL', entries) < tonumber(life) then
    redis.call('PEXPIRE', entries, life)
  end
end

-- Keeps an answer under the fingerprint that the entry has.
local function answer_entry(entries, entry, answer, now, life)
  local fingerprint = find_entry(entries, entry, now)
  if fingerprint then
    keep_entry(entries, entry, fingerprint .. ' ' .. answer, now, life)
  end
end

-- For whoever adds an entry: looks at up to four others, drawn at random, and removes those that
-- have ended. While more than a quarter have, more go than come: so they don't pile up, and no
-- write has to look through all.
local function sweep_entries(entries, now)
  local some = redis.call('HRANDFIELD', entries, 4, 'WITHVALUES') or {}
  for i = 1, #some, 2 do
    if tonumber(string.match(some[i + 1], '^%d+') or 0) <= now then
      redis.call('HDEL', entries, some[i])
    end
  end
end
