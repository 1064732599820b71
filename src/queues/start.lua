-- Lets the head of a queue run, once: the owner's generation, the queue's state and the order are checked here.
-- ARGV: container, pod, generation, instruction, run, session, isResumed ('1' or '0')
local container, pod, generation, id, run, session, isResumed = unpack(ARGV)
if not isOwner(container, pod, generation) then
  return { 'fenced' }
end
local instruction = instructionKey(id)
local state, currentRun = unpack(redis.call('HMGET', instruction, 'state', 'run'))
if not state then
  return { 'gone' }
end
local function answer()
  return { 'running', unpack(redis.call('HMGET', instruction, 'text', 'mode', 'attempts')) }
end
if state == 'running' and currentRun == run then
  return answer()
end
local paused, quarantined = unpack(redis.call('HMGET', key('container:' .. container), 'paused', 'quarantined'))
if paused == '1' or quarantined == '1' or state == 'needs_decision' then
  return { 'blocked' }
end
if state ~= 'queued' or headOf(container) ~= id then
  return { 'out_of_order' }
end
local attempt = redis.call('HINCRBY', instruction, 'attempts', 1)
redis.call('HSET', instruction, 'state', 'running', 'run', run, 'generation', generation, 'openTools', 0)
append(container, 'instruction.started', id,
  cjson.encode({ attempt = attempt, sessionId = session, resumed = isResumed == '1', pod = pod }))
return answer()
