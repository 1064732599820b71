-- Makes a container known; a second time changes nothing. ARGV: container
local container = ARGV[1]
if redis.call('SADD', key('containers'), container) == 0 then
  return { 'exists', tonumber(redis.call('HGET', key('seqs'), container) or '0') }
end
redis.call('HSET', key('container:' .. container), 'createdAt', nowMs)
return { 'created', append(container, 'container.registered', '', '{}') }
