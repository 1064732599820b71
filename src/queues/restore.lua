-- Puts an unfinished instruction back after Redis lost its data, once in an epoch, whatever pods know it still.
-- ARGV: container, instruction, text, policy, attempts, mode ('' = never started), data
local container, id = ARGV[1], ARGV[2]
if redis.call('SADD', key('containers'), container) == 1 then
  redis.call('HSET', key('container:' .. container), 'createdAt', nowMs)
  append(container, 'container.registered', '', '{}')
end
if redis.call('SADD', key('restored'), id) == 0 or redis.call('EXISTS', instructionKey(id)) == 1 then
  return { 'exists' }
end
local seq = append(container, 'instruction.queued', id, ARGV[7])
redis.call('HSET', instructionKey(id), 'container', container, 'state', 'queued', 'text', ARGV[3], 'policy', ARGV[4],
  'attempts', ARGV[5], 'crashes', 0, 'openTools', 0, 'seq', seq)
if ARGV[6] ~= '' then
  redis.call('HSET', instructionKey(id), 'mode', ARGV[6])
end
redis.call('ZADD', key('pending:' .. container), seq, id)
redis.call('SADD', key('work'), container)
return { 'ok', seq }
