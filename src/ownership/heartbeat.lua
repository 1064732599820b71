-- Keeps a pod alive for the others. ARGV: pod, milliseconds to live, draining ('1' or '0')
-- Pods that have been gone for an hour are forgotten.
local pod, ttlMs, isDraining = ARGV[1], tonumber(ARGV[2]), ARGV[3]
redis.call('ZADD', key('pods'), nowMs + ttlMs, pod)
redis.call('HSET', key('draining'), pod, isDraining)
for _, gone in ipairs(redis.call('ZRANGE', key('pods'), '-inf', nowMs - 3600000, 'BYSCORE')) do
  redis.call('ZREM', key('pods'), gone)
  redis.call('HDEL', key('draining'), gone)
  redis.call('HDEL', key('batches'), gone)
end
return { nowMs }
