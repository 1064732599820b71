-- Containers with work and without a living owner. ARGV: the most to name
local orphans = {}
for _, container in ipairs(redis.call('SMEMBERS', key('work'))) do
  local owner = redis.call('HGET', key('owners'), container)
  if not owner or tonumber(redis.call('ZSCORE', key('pods'), owner) or '0') <= nowMs then
    table.insert(orphans, container)
    if #orphans >= tonumber(ARGV[1]) then
      break
    end
  end
end
return orphans
