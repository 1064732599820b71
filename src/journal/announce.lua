-- Appends an event of the service itself. ARGV: type, data
return { 'ok', append('', ARGV[1], '', ARGV[2]) }
