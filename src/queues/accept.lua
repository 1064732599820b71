-- Accepts an instruction: known container, room in the queue, its place and its journal entry in one step.
-- ARGV: container, instruction, text, policy ('' = by cause), limit, data
local container, id, text, policy, limit, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
if not isKnown(container) then
  return { 'container_not_found' }
end
local pending = key('pending:' .. container)
local score = redis.call('ZSCORE', pending, id)
if score then
  return { 'ok', tonumber(score), redis.call('ZRANK', pending, id) }
end
local position = redis.call('ZCARD', pending)
local head = headOf(container)
local running = head and redis.call('HGET', instructionKey(head), 'state') == 'running'
if position - (running and 1 or 0) >= limit then
  return { 'queue_full' }
end
local seq = append(container, 'instruction.queued', id, data)
redis.call('HSET', instructionKey(id), 'container', container, 'state', 'queued', 'text', text, 'policy', policy,
  'attempts', 0, 'crashes', 0, 'openTools', 0, 'seq', seq)
redis.call('ZADD', pending, seq, id)
redis.call('SADD', key('work'), container)
return { 'ok', seq, position }
