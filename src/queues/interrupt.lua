-- Takes a running instruction off its agent: back to the head of its queue, to a person, or to its end.
-- ARGV: container, pod, generation, instruction, run, cause, crash limit
local container, pod, generation, id, run, cause, crashLimit = unpack(ARGV)
if not isOwner(container, pod, generation) then
  return { 'fenced' }
end
local instruction = instructionKey(id)
local state, currentRun, policy, openTools, isCancelled =
  unpack(redis.call('HMGET', instruction, 'state', 'run', 'policy', 'openTools', 'cancel'))
if state ~= 'running' or currentRun ~= run then
  return { 'stale' }
end

local function leave(next)
  append(container, 'instruction.interrupted', id, cjson.encode({ cause = cause, pod = pod, state = next }))
end

local crashes = 0
if cause == 'drain' then
  redis.call('HINCRBY', instruction, 'attempts', -1)
else
  crashes = redis.call('HINCRBY', instruction, 'crashes', 1)
end

if isCancelled == '1' then
  leave('cancelled')
  append(container, 'instruction.cancelled', id, cjson.encode({ pod = pod }))
  forgetInstruction(container, id)
  return { 'cancelled' }
end
if crashes >= tonumber(crashLimit) then
  leave('failed')
  append(container, 'instruction.failed', id, cjson.encode({
    pod = pod,
    error = { code = 'crash_limit', message = 'interrupted by ' .. crashes .. ' crashes in a row: not tried again' },
  }))
  forgetInstruction(container, id)
  return { 'failed' }
end
if policy == '' then
  policy = (cause ~= 'drain' and tonumber(openTools) > 0) and 'ask' or 'continue'
end
if policy == 'ask' then
  redis.call('HSET', instruction, 'state', 'needs_decision')
  leave('needs_decision')
  append(container, 'instruction.needs_decision', id, cjson.encode({ cause = cause }))
  return { 'needs_decision' }
end
redis.call('HSET', instruction, 'state', 'queued', 'mode', policy)
leave('queued')
return { 'queued' }
