-- A record as the scripts see it. Goes before the scripts that use it.
-- Its lines: when it was made, its revision, and when its checkout was handed out or 0 (times in
-- ms); its state, which no script reads; and a line for each intent of a write that has not ended.
-- Every format keeps these lines, and begins its state with its number and a colon (under the seal):
-- so a release tells what another one has written from what nobody can read.
local function parts(record)
  return string.match(record or '', '^(%d+) (%S+) (%d+)\n([^\n]*)(.*)$')
end

local function join(made, revision, checkout_at, state, intents)
  return made .. ' ' .. revision .. ' ' .. checkout_at .. '\n' .. state .. intents
end
