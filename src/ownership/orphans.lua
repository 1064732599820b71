-- Containers with work and without a living owner. ARGV: the most to name, may the asker call others dead ('1' or '0')
local orphans = {}
for _, container in ipairs(redis.call('SMEMBERS', key('work'))) do
  if isFree(redis.call('HGET', key('owners'), container), ARGV[2]) then
    table.insert(orphans, container)
    if #orphans >= tonumber(ARGV[1]) then
      break
    end
  end
end
return orphans
