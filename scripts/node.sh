# Sourced from the repository's root. Puts Node 24 or newer and its packages in place:
# the Node on the PATH if it is new enough, else the npm package of Node under .node/.

is_new_enough() {
  "$1" -e 'process.exit(parseInt(process.versions.node, 10) >= 24 ? 0 : 1)' 2>/dev/null
}

use_node() {
  local candidate
  while IFS= read -r candidate; do
    if is_new_enough "$candidate"; then
      PATH="$(dirname "$candidate"):$PATH"
      export PATH
      return 0
    fi
  done <<EOF
$(type -ap node)
EOF
  if ! is_new_enough .node/node_modules/.bin/node; then fetch_node || return 1; fi
  PATH="$PWD/.node/node_modules/.bin:$PATH"
  export PATH
}

# The packages that hold the executable itself need no install script, unlike the package `node`.
fetch_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo 'Baton needs Node 24 or newer: install it (https://nodejs.org), or any older Node with npm, which can fetch it.' >&2
    return 1
  fi
  local package
  package=$(node -p '(process.platform + process.arch === "darwinarm64" ? "node-bin-" : "node-") + process.platform + "-" + process.arch')
  echo "Node $(node --version) is too old: fetching Node 24 into .node/ ..."
  mkdir -p .node
  echo '{ "private": true }' >.node/package.json
  if ! npm install --prefix .node --no-save --no-audit --no-fund --no-progress --loglevel=error "$package@24" npm@11 ||
    ! is_new_enough .node/node_modules/.bin/node; then
    echo "Node 24 could not be fetched (npm package $package): install Node 24 or newer from https://nodejs.org" >&2
    return 1
  fi
}

# `npm ci` once per lock file: the copy of the lock file says what is installed.
install_packages() {
  if cmp -s package-lock.json node_modules/.baton-lock; then return 0; fi
  echo 'Installing packages ...'
  if ! npm ci --no-audit --no-fund --no-progress --loglevel=error; then
    echo 'npm ci failed: see the lines above (is the npm registry reachable?)' >&2
    return 1
  fi
  cp package-lock.json node_modules/.baton-lock
}
