-- Writes a request or a switch for the owner to act on. ARGV: container, operation
local container, operation = ARGV[1], ARGV[2]
if not isKnown(container) then
  return { 'container_not_found' }
end
local state = key('container:' .. container)
local function switchPause(isPaused)
  if redis.call('HGET', state, 'paused') == isPaused then
    return nil
  end
  redis.call('HSET', state, 'paused', isPaused)
  return append(container, isPaused == '1' and 'queue.paused' or 'queue.resumed', '', '{}')
end

local seq
if operation == 'pause' then
  seq = switchPause('1')
elseif operation == 'resume' then
  seq = switchPause('0')
elseif operation == 'reset' then
  redis.call('HSET', state, 'quarantined', 0, 'recoveries', 0)
  seq = append(container, 'recovery.reset', '', '{}')
elseif operation == 'interrupt' then
  local head = headOf(container)
  if not head or redis.call('HGET', instructionKey(head), 'state') ~= 'running' then
    return { 'nothing_running' }
  end
  redis.call('HSET', instructionKey(head), 'cancel', 1)
  seq = append(container, 'queue.interrupt_requested', head, '{}')
elseif operation == 'stop' then
  -- A stopped session stays stopped: without the pause the next instruction would start it again.
  switchPause('1')
  seq = append(container, 'daemon.stop_requested', '', '{}')
elseif operation == 'start' then
  switchPause('0')
  seq = append(container, 'daemon.start_requested', '', '{}')
elseif operation == 'restart' then
  seq = append(container, 'daemon.restart_requested', '', '{}')
end
return { 'ok', seq or tonumber(redis.call('HGET', key('seqs'), container)) }
