-- Makes a pod the owner of a container that is free or whose owner's heartbeat is gone. ARGV: container, pod
local container, pod = ARGV[1], ARGV[2]
if not isKnown(container) then
  return { 'container_not_found' }
end
local owner = redis.call('HGET', key('owners'), container)
if owner == pod then
  return { 'ok', tonumber(redis.call('HGET', key('generations'), container)) }
end
if owner and tonumber(redis.call('ZSCORE', key('pods'), owner) or '0') > nowMs then
  return { 'taken', owner }
end
redis.call('HSET', key('owners'), container, pod)
return { 'ok', redis.call('HINCRBY', key('generations'), container, 1) }
