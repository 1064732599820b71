-- Gives containers up, those that are still the pod's own; the journal tells the other pods which of them have work.
-- ARGV: pod, containers...
local wanted = {}
for i = 2, #ARGV do
  local container = ARGV[i]
  if redis.call('HGET', key('owners'), container) == ARGV[1] then
    redis.call('HDEL', key('owners'), container)
  end
  if not redis.call('HGET', key('owners'), container) and redis.call('SISMEMBER', key('work'), container) == 1 then
    table.insert(wanted, container)
  end
end
if #wanted > 0 then
  append('', 'service.owner_wanted', '', cjson.encode({ pod = ARGV[1], containers = wanted }))
end
return { 'ok', #wanted }
