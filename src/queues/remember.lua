-- Remembers what an idempotency key was answered with, after Redis lost its data.
-- ARGV: container, hash of the key, time in milliseconds, hash of the body, instruction, seq, position
if recall(ARGV[1], ARGV[2]) then
  return { 'exists' }
end
remember(unpack(ARGV))
return { 'ok' }
