-- Counts a recovery where it outlives the pod. ARGV: container, pod, generation, limit
-- Beyond the limit the container is quarantined.
local container, pod, generation, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if not isOwner(container, pod, generation) then
  return { 'fenced' }
end
local state = key('container:' .. container)
local attempt = redis.call('HINCRBY', state, 'recoveries', 1)
if attempt > limit then
  redis.call('HSET', state, 'quarantined', 1)
  return { 'quarantined', limit }
end
return { 'ok', attempt }
