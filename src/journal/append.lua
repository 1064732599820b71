-- Appends an owner's events: fenced by its generation, and once only although the client may send it again.
-- ARGV: container, pod, generation, batch number, then (type, instruction, data) per event
local container, pod, generation, batch = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if not isOwner(container, pod, generation) then
  return { 'fenced' }
end
if batch <= tonumber(redis.call('HGET', key('batches'), pod) or '0') then
  return { 'duplicate' }
end
redis.call('HSET', key('batches'), pod, batch)

local seq = 0
for i = 5, #ARGV, 3 do
  local kind, instruction = ARGV[i], ARGV[i + 1]
  seq = append(container, kind, instruction, ARGV[i + 2])
  if instruction ~= '' and redis.call('EXISTS', instructionKey(instruction)) == 1 then
    if kind == 'agent.tool_use' then
      redis.call('HINCRBY', instructionKey(instruction), 'openTools', 1)
    elseif kind == 'agent.tool_result' then
      redis.call('HINCRBY', instructionKey(instruction), 'openTools', -1)
    end
  end
end
return { 'ok', seq }
