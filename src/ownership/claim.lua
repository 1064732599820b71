-- Makes a pod the owner of a container that is free or whose owner is gone.
-- ARGV: container, pod, may it call others dead ('1' or '0'), only with work ('1' or '0')
local container, pod, mayJudge, needsWork = unpack(ARGV)
if not isKnown(container) then
  return { 'container_not_found' }
end
local owner = redis.call('HGET', key('owners'), container)
if owner == pod then
  return { 'ok', tonumber(redis.call('HGET', key('generations'), container)) }
end
if not isFree(owner, mayJudge) then
  return { 'taken', owner }
end
if needsWork == '1' and redis.call('SISMEMBER', key('work'), container) == 0 then
  return { 'no_work' }
end
redis.call('HSET', key('owners'), container, pod)
return { 'ok', redis.call('HINCRBY', key('generations'), container, 1) }
