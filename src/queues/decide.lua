-- A person's answer for an instruction that waits for one. ARGV: container, instruction, policy
local container, id, policy = ARGV[1], ARGV[2], ARGV[3]
local owner, state = unpack(redis.call('HMGET', instructionKey(id), 'container', 'state'))
if owner ~= container then
  return { 'gone' }
end
if state ~= 'needs_decision' then
  return { 'instruction_not_ended' }
end
redis.call('HSET', instructionKey(id), 'state', 'queued', 'mode', policy)
return { 'ok', append(container, 'instruction.decided', id, cjson.encode({ resumePolicy = policy })) }
