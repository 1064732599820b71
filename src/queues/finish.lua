-- Ends an instruction for good. ARGV: container, pod, generation, instruction, run, type, data
local container, pod, generation, id, run, kind, data = unpack(ARGV)
if not isOwner(container, pod, generation) then
  return { 'fenced' }
end
local state, currentRun = unpack(redis.call('HMGET', instructionKey(id), 'state', 'run'))
if state ~= 'running' or currentRun ~= run then
  return { 'stale' }
end
local seq = append(container, kind, id, data)
forgetInstruction(container, id)
if kind == 'instruction.succeeded' then
  redis.call('HSET', key('container:' .. container), 'recoveries', 0)
end
return { 'ok', seq }
