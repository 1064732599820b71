-- Gives containers up, those that are still the pod's own. ARGV: pod, containers...
local released = 0
for i = 2, #ARGV do
  if redis.call('HGET', key('owners'), ARGV[i]) == ARGV[1] then
    released = released + redis.call('HDEL', key('owners'), ARGV[i])
  end
end
return { released }
