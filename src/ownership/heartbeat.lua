-- Keeps a pod alive for the others. ARGV: pod, milliseconds to live, draining ('1' or '0')
-- Pods that have been gone for an hour are forgotten.
-- Answers: the epoch, the time, then name, expiry and draining of every pod that is alive.
local pod, ttlMs, isDraining = ARGV[1], tonumber(ARGV[2]), ARGV[3]
redis.call('ZADD', key('pods'), nowMs + ttlMs, pod)
redis.call('HSET', key('draining'), pod, isDraining)
for _, gone in ipairs(redis.call('ZRANGE', key('pods'), '-inf', nowMs - 3600000, 'BYSCORE')) do
  redis.call('ZREM', key('pods'), gone)
  redis.call('HDEL', key('draining'), gone)
  redis.call('HDEL', key('batches'), gone)
end
local answer = { epoch, nowMs }
local alive = redis.call('ZRANGE', key('pods'), '(' .. nowMs, '+inf', 'BYSCORE', 'WITHSCORES')
for i = 1, #alive, 2 do
  table.insert(answer, alive[i])
  table.insert(answer, tonumber(alive[i + 1]))
  table.insert(answer, redis.call('HGET', key('draining'), alive[i]) or '0')
end
return answer
