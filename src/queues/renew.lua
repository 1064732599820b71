-- Begins a new epoch after Redis came back without the end of its journal: numbers given since then would be given twice.
-- What waits gets its place in the new journal; nobody owns anything. ARGV: epoch that is over, new epoch, ended instructions...
if epoch ~= ARGV[1] then
  return { 'renewed', epoch }
end
for i = 3, #ARGV do
  local container = redis.call('HGET', instructionKey(ARGV[i]), 'container')
  if container then
    forgetInstruction(container, ARGV[i])
  end
end
epoch = ARGV[2]
redis.call('SET', key('epoch'), epoch)
redis.call('DEL', key('journal'), key('seqs'), key('owners'), key('restored'))
for _, container in ipairs(redis.call('SMEMBERS', key('containers'))) do
  append(container, 'container.registered', '', '{}')
  local pending = key('pending:' .. container)
  for _, id in ipairs(redis.call('ZRANGE', pending, 0, -1)) do
    local instruction = instructionKey(id)
    local state, text, policy = unpack(redis.call('HMGET', instruction, 'state', 'text', 'policy'))
    local data = { text = text, resumePolicy = policy ~= '' and policy or cjson.null }
    local seq = append(container, 'instruction.queued', id, cjson.encode(data))
    redis.call('ZADD', pending, seq, id)
    redis.call('HSET', instruction, 'seq', seq)
    redis.call('SADD', key('restored'), id)
    if state == 'running' then
      redis.call('HSET', instruction, 'state', 'queued', 'mode', 'continue')
    elseif state == 'needs_decision' then
      append(container, 'instruction.needs_decision', id, cjson.encode({ cause = 'crash' }))
    end
  end
end
return { 'renewed', epoch }
