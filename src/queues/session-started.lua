-- From now on the session is resumed. ARGV: container, session
local state = key('container:' .. ARGV[1])
if redis.call('HGET', state, 'session') == ARGV[2] then
  redis.call('HSET', state, 'sessionStarted', 1)
end
return { 'ok' }
