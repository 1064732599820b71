-- The agent session of a container: the id so far, or the proposed one. ARGV: container, proposal, lost id ('' = none)
local state = key('container:' .. ARGV[1])
local session = redis.call('HGET', state, 'session')
if not session or session == ARGV[3] then
  session = ARGV[2]
  redis.call('HSET', state, 'session', session, 'sessionStarted', 0)
end
return { session, redis.call('HGET', state, 'sessionStarted') }
