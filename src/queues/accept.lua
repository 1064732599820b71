-- Accepts an instruction: known container, room in the queue, its place and its journal entry in one step. A key that
-- was answered before gets that answer again.
-- ARGV: container, instruction, text, policy ('' = by cause), limit, data, hash of the idempotency key ('' = none), of the body
local container, id, text, policy, limit, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local hash, body = ARGV[7] or '', ARGV[8]
if not isKnown(container) then
  return { 'container_not_found' }
end
local known = hash ~= '' and recall(container, hash)
if known then
  if known.body ~= body then
    return { 'idempotency_key_reused' }
  end
  return { 'replayed', known.seq, known.position, known.id }
end
local pending = key('pending:' .. container)
local score = redis.call('ZSCORE', pending, id)
if score then
  return { 'ok', tonumber(score), redis.call('ZRANK', pending, id), id }
end
local position = redis.call('ZCARD', pending)
local head = headOf(container)
local running = head and redis.call('HGET', instructionKey(head), 'state') == 'running'
if position - (running and 1 or 0) >= limit then
  return { 'queue_full' }
end
-- The event holds all of the answer: after a loss of Redis it is remembered from there.
local placed = string.gsub(data, '}%s*$', (data == '{}' and '' or ',') .. '"position":' .. position .. '}')
local seq = append(container, 'instruction.queued', id, placed)
redis.call('HSET', instructionKey(id), 'container', container, 'state', 'queued', 'text', text, 'policy', policy,
  'attempts', 0, 'crashes', 0, 'openTools', 0, 'seq', seq)
redis.call('ZADD', pending, seq, id)
redis.call('SADD', key('work'), container)
if hash ~= '' then
  remember(container, hash, nowMs, body, id, seq, position)
end
return { 'ok', seq, position, id }
