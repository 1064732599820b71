-- Makes a container known; a second time changes nothing. ARGV: container, limit of all ('' = none)
local container, limit = ARGV[1], tonumber(ARGV[2] or '')
if limit and redis.call('SCARD', key('containers')) >= limit
  and redis.call('SISMEMBER', key('containers'), container) == 0 then
  return { 'too_many_containers' }
end
if redis.call('SADD', key('containers'), container) == 0 then
  return { 'exists', tonumber(redis.call('HGET', key('seqs'), container) or '0') }
end
redis.call('HSET', key('container:' .. container), 'createdAt', nowMs)
return { 'created', append(container, 'container.registered', '', '{}') }
