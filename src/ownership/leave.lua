-- The last words of a pod: its heartbeat ends now, not when it expires. ARGV: pod
redis.call('ZREM', key('pods'), ARGV[1])
redis.call('HDEL', key('draining'), ARGV[1])
redis.call('HDEL', key('batches'), ARGV[1])
return { 'ok' }
