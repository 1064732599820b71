-- Put before every other script. KEYS[1] is the prefix of all keys; its hash tag keeps them in one slot.
local prefix = KEYS[1]
local function key(name)
  return prefix .. ':' .. name
end

local epoch = redis.call('GET', key('epoch'))
if not epoch then
  return redis.error_reply('NOEPOCH the journal is empty: Redis lost its data')
end

local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)

-- The one place where a seq is given: the entry and the container's counter move together.
local function append(container, kind, instruction, data)
  local seq = redis.call('HINCRBY', key('seqs'), container, 1)
  redis.call('XADD', key('journal'), '*', 'c', container, 's', seq, 't', kind, 'i', instruction, 'd', data, 'e', epoch)
  return seq
end

local function isOwner(container, pod, generation)
  return redis.call('HGET', key('owners'), container) == pod
    and redis.call('HGET', key('generations'), container) == generation
end

-- No owner, one that said goodbye, or one whose heartbeat expired: the last is a judgement that the asker may not be in a
-- position to make, when Redis itself was away until now.
local function isFree(owner, mayJudge)
  local expiry = owner and redis.call('ZSCORE', key('pods'), owner)
  return not expiry or (mayJudge == '1' and tonumber(expiry) <= nowMs)
end

local function isKnown(container)
  return redis.call('SISMEMBER', key('containers'), container) == 1
end

local function instructionKey(id)
  return key('instruction:' .. id)
end

local function headOf(container)
  return redis.call('ZRANGE', key('pending:' .. container), 0, 0)[1]
end

-- An instruction that ended leaves Redis; the journal keeps its story.
local function forgetInstruction(container, id)
  redis.call('DEL', instructionKey(id))
  redis.call('ZREM', key('pending:' .. container), id)
  if redis.call('ZCARD', key('pending:' .. container)) == 0 then
    redis.call('SREM', key('work'), container)
  end
end

-- What an idempotency key was answered with. Kept for 24 hours, and while its container is known.
local idempotencyMs = 24 * 60 * 60 * 1000
local function recall(container, hash)
  local known = redis.call('HGET', key('idempotency:' .. container), hash)
  if not known then
    return nil
  end
  local at, body, id, seq, position = string.match(known, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  if nowMs - tonumber(at) > idempotencyMs then
    return nil
  end
  return { body = body, id = id, seq = tonumber(seq), position = tonumber(position) }
end

local function remember(container, hash, at, body, id, seq, position)
  local answers, ages = key('idempotency:' .. container), key('idempotency-ages:' .. container)
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', ages, '-inf', nowMs - idempotencyMs, 'LIMIT', 0, 100)) do
    redis.call('HDEL', answers, old)
    redis.call('ZREM', ages, old)
  end
  redis.call('HSET', answers, hash, table.concat({ at, body, id, seq, position }, ' '))
  redis.call('ZADD', ages, at, hash)
  redis.call('PEXPIRE', answers, idempotencyMs)
  redis.call('PEXPIRE', ages, idempotencyMs)
end
