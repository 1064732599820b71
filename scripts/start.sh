#!/usr/bin/env bash
# Starts Baton on this machine with all that it needs; see README.md.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/node.sh
. scripts/redis.sh

PID_FILE=${PID_FILE:-${TMPDIR:-/tmp}/baton.pid}
export PID_FILE

owner=$(cat "$PID_FILE" 2>/dev/null)
running=$(command_of "$owner")
case $running in
  *src/main.ts*)
    echo "Baton already runs as PID $owner (${running% }), says $PID_FILE. Stop it with: kill -TERM $owner" >&2
    exit 1
    ;;
esac

use_node && install_packages || exit 1

if [ -z "${REDIS_URL:-}${REDIS_URL_FILE:-}" ]; then
  find_redis && start_redis "${DATA_DIR:-data}/redis" || exit 1
  REDIS_URL=$redis_url
  export REDIS_URL
fi

# A signal goes on to the service; one that comes just before the service exists is kept for it.
service=
signal=
forward() {
  signal=$1
  if [ -n "$service" ]; then kill -s "$1" "$service" 2>/dev/null; fi
}
trap 'forward INT' INT
trap 'forward TERM' TERM HUP

# The service has a process group of its own, so that Ctrl-C reaches it once and not twice: a second signal
# means "exit at once".
set -m
node "$PWD/src/main.ts" </dev/null &
service=$!
set +m
if [ -n "$signal" ]; then kill -s "$signal" "$service"; fi

node scripts/announce.ts "$service" </dev/null 9>&- &
announcer=$!

# A signal interrupts `wait`; the service's exit code is what the last one says.
while :; do
  signal=
  wait "$service"
  code=$?
  if [ -z "$signal" ]; then break; fi
done

kill "$announcer" 2>/dev/null
exec 9>&-
if [ -n "${redis_guard:-}" ]; then wait "$redis_guard" 2>/dev/null; fi
exit "$code"
