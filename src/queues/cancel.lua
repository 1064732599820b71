-- Cancels what has not started; asks the owner to cancel what runs. ARGV: container, instruction, only queued ('1' or '0'), pod
local container, id, onlyQueued, pod = unpack(ARGV)
local owner, state = unpack(redis.call('HMGET', instructionKey(id), 'container', 'state'))
if owner ~= container then
  return { 'gone' }
end
if state ~= 'running' then
  local seq = append(container, 'instruction.cancelled', id, cjson.encode({ pod = pod }))
  forgetInstruction(container, id)
  return { 'cancelled', seq }
end
if onlyQueued == '1' then
  return { 'instruction_not_queued' }
end
redis.call('HSET', instructionKey(id), 'cancel', 1)
return { 'running', append(container, 'instruction.cancel_requested', id, '{}') }
