-- Cancels everything that waits; what runs goes on. ARGV: container, pod
local container = ARGV[1]
if not isKnown(container) then
  return { 'container_not_found' }
end
local cancelled = {}
for _, id in ipairs(redis.call('ZRANGE', key('pending:' .. container), 0, -1)) do
  if redis.call('HGET', instructionKey(id), 'state') ~= 'running' then
    append(container, 'instruction.cancelled', id, cjson.encode({ pod = ARGV[2] }))
    forgetInstruction(container, id)
    table.insert(cancelled, id)
  end
end
return { 'ok', cancelled }
