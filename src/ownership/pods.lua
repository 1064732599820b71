-- Who is there and who owns what. Answers: the time, a list of name, expiry and draining per pod, and the owners map.
local pods = {}
local found = redis.call('ZRANGE', key('pods'), 0, -1, 'WITHSCORES')
for i = 1, #found, 2 do
  table.insert(pods, { found[i], tonumber(found[i + 1]), redis.call('HGET', key('draining'), found[i]) or '0' })
end
return { nowMs, pods, redis.call('HGETALL', key('owners')) }
