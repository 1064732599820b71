# Sourced. Finds redis-server, and runs a private one that ends with the process that needs it.

# Leaves `redis-server` on the PATH: the one that is there, else Debian's or Homebrew's package.
find_redis() {
  if command -v redis-server >/dev/null; then return 0; fi
  if command -v apt-get >/dev/null && as_root true; then
    echo "Installing Debian's redis-server ..."
    as_root env DEBIAN_FRONTEND=noninteractive sh -c \
      'apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server' >/dev/null
  elif command -v brew >/dev/null; then
    echo "Installing Homebrew's redis ..."
    brew install --quiet redis
  fi
  if command -v redis-server >/dev/null; then return 0; fi
  echo 'Baton needs Redis: set REDIS_URL to one that runs, or put redis-server on the PATH, or install it' \
    '(Debian: sudo apt-get install redis-server; macOS: brew install redis).' >&2
  return 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    command -v sudo >/dev/null && sudo -n "$@" 2>/dev/null
  fi
}

# The command line of a live process, else nothing. Debian's small images have no `ps`.
command_of() {
  case $1 in '' | *[!0-9]*) return 0 ;; esac
  if [ -d /proc/self ]; then
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null || true
  else
    ps -o command= -p "$1" 2>/dev/null || true
  fi
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'
}

# start_redis <directory>: sets redis_url and redis_guard. The server lives exactly as long as some process
# holds file descriptor 9 open, which this shell and the service do, however they end.
start_redis() {
  local dir=$1 port owner
  mkdir -p "$dir" || return 1
  owner=$(cat "$dir/redis.pid" 2>/dev/null)
  case $(command_of "$owner") in
    *redis-server*)
      echo "$dir is in use by Redis, PID $owner: it ends with the Baton that it belongs to." >&2
      return 1
      ;;
  esac
  port=$(free_port) || return 1
  rm -f "$dir/alive" "$dir/redis.log" "$dir/redis.pid"
  mkfifo "$dir/alive" || return 1
  # A process group of its own: Ctrl-C must not end Redis before the service has handed its work back.
  set -m
  guard_redis "$dir" "$port" <"$dir/alive" >/dev/null 2>&1 &
  redis_guard=$!
  set +m
  exec 9>"$dir/alive"
  rm -f "$dir/alive"
  redis_url="redis://127.0.0.1:$port"
  wait_for_redis "$dir"
}

guard_redis() {
  local redis tries=0
  trap '' INT TERM HUP
  cd "$1" || return 1
  redis-server --bind 127.0.0.1 --port "$2" --logfile redis.log \
    --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction </dev/null &
  redis=$!
  echo "$redis" >redis.pid
  while read -r _; do :; done
  kill -TERM "$redis"
  while kill -0 "$redis" && [ "$tries" -lt 100 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  kill -KILL "$redis"
  rm -f redis.pid
}

# Reading a large append-only file may take a while; a server that has ended needs no waiting.
wait_for_redis() {
  local tries=0 server
  while ! grep -q 'Ready to accept connections' "$1/redis.log" 2>/dev/null; do
    tries=$((tries + 1))
    server=$(cat "$1/redis.pid" 2>/dev/null)
    if [ "$tries" -gt 600 ] || { [ -n "$server" ] && [ -z "$(command_of "$server")" ]; }; then
      echo "Redis did not start; the end of $1/redis.log:" >&2
      tail -n 5 "$1/redis.log" >&2
      return 1
    fi
    sleep 0.1
  done
}
