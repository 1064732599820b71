-- What an owner has to know of a queue. ARGV: container, last seq seen
-- Answers: is it blocked, the head's id, state, run and generation, then the ids that wait behind the seq
local container, lastSeq = ARGV[1], ARGV[2]
local paused, quarantined = unpack(redis.call('HMGET', key('container:' .. container), 'paused', 'quarantined'))
local head = headOf(container) or ''
local state, run, generation = unpack(redis.call('HMGET', instructionKey(head), 'state', 'run', 'generation'))
local isBlocked = paused == '1' or quarantined == '1' or state == 'needs_decision'
local waiting = redis.call('ZRANGE', key('pending:' .. container), '(' .. lastSeq, '+inf', 'BYSCORE', 'WITHSCORES')
return { isBlocked and 1 or 0, head, state or '', run or '', generation or '', waiting }
