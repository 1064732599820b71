-- Changes what waits and has not begun: its text, its policy, its place. What has begun keeps all three.
-- ARGV: container, instruction, text, policy, data of the edit, position ('' = as it is)
local container, id, text, policy, data, position = unpack(ARGV)
local function hasBegun(other)
  local state, mode = unpack(redis.call('HMGET', instructionKey(other), 'state', 'mode'))
  return state ~= 'queued' or mode
end
if redis.call('HGET', instructionKey(id), 'container') ~= container then
  return { 'gone' }
end
if hasBegun(id) then
  return { 'instruction_not_queued' }
end
local pending = key('pending:' .. container)
local lastSeq = tonumber(redis.call('HGET', key('seqs'), container))

if text ~= '' then
  redis.call('HSET', instructionKey(id), 'text', text)
end
if policy ~= '' then
  redis.call('HSET', instructionKey(id), 'policy', policy)
end
if data ~= '' then
  lastSeq = append(container, 'instruction.edited', id, data)
end

local rank = redis.call('ZRANK', pending, id)
local first = hasBegun(headOf(container)) and 1 or 0
local target = math.max(first, math.min(tonumber(position) or rank, redis.call('ZCARD', pending) - 1))
if target == rank then
  return { 'ok', lastSeq }
end

-- Moved to its new neighbours' middle; behind all others to the seq of this very event, which all that follow are above.
local function move(other, newPosition, place)
  local exact = place and string.format('%.17g', place)
  local seq = append(container, 'instruction.moved', other,
    '{"position":' .. newPosition .. (exact and ',"place":' .. exact or '') .. '}')
  redis.call('ZADD', pending, exact or seq, other)
  return seq
end
redis.call('ZREM', pending, id)
local function scoreAt(index)
  return tonumber(redis.call('ZRANGE', pending, index, index, 'WITHSCORES')[2])
end
local above = target > 0 and scoreAt(target - 1) or 0
local below = scoreAt(target)
if not below then
  return { 'ok', move(id, target) }
end
local middle = (above + below) / 2
if above < middle and middle < below then
  return { 'ok', move(id, target, middle) }
end
-- Halved so often that no number is left between them: all that wait get new ones.
local waiting = redis.call('ZRANGE', pending, first, -1)
table.insert(waiting, target - first + 1, id)
for index, other in ipairs(waiting) do
  lastSeq = move(other, first + index - 1)
end
return { 'ok', lastSeq }
