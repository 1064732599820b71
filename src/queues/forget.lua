-- Forgets a container that has nothing left to do. Its seq counter stays: a seq is never given twice. ARGV: container
local container = ARGV[1]
if not isKnown(container) then
  return { 'container_not_found' }
end
if redis.call('ZCARD', key('pending:' .. container)) > 0 then
  return { 'container_busy' }
end
redis.call('SREM', key('containers'), container)
redis.call('DEL', key('container:' .. container), key('idempotency:' .. container), key('idempotency-ages:' .. container))
return { 'ok', append(container, 'container.deleted', '', '{}') }
