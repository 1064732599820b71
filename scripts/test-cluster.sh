#!/usr/bin/env bash
# Tests Baton on a Kubernetes cluster of your choice: it installs the chart into namespaces of its own, `baton-...`, and
# deletes them. What it takes is what any cluster gives:
#
#   KUBECONFIG=... IMAGE_LOAD='kind load docker-image' scripts/test-cluster.sh [TEST...] [OPTION...]
#
# TEST: names of test/kubernetes/TEST.test.ts; all without one. OPTION: of `node --test`.
# IMAGE        the image to test, default docker.io/baton/baton:dev, built here unless it is given
# IMAGE_BUILD  the command that builds it, default `docker build`: gets `-t IMAGE .`
# IMAGE_LOAD   a command that gets IMAGE and puts it on the nodes; without it the cluster pulls IMAGE itself
# HELM         the helm to use; HELM4: a Helm 4, to install with both
# ROLLOUTS     how many rolling updates, default 10
# KEEP         set: leave the namespaces for a look
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. scripts/node.sh

if [ -z "${KUBECONFIG:-}" ]; then
  echo 'Skipped: KUBECONFIG is not set, so there is no cluster to test on.'
  exit 0
fi
for program in kubectl "${HELM:-helm}"; do
  if ! command -v "$program" >/dev/null; then
    echo "Skipped: $program is not on the PATH."
    exit 0
  fi
done
use_node && install_packages || exit 1
kubectl version --request-timeout=10s >/dev/null || { echo 'The cluster does not answer.' >&2; exit 1; }

if [ -z "${IMAGE:-}" ]; then
  export IMAGE=docker.io/baton/baton:dev
  ${IMAGE_BUILD:-docker build} -t "$IMAGE" . || exit 1
fi
if [ -n "${IMAGE_LOAD:-}" ]; then
  $IMAGE_LOAD "$IMAGE" || exit 1
fi

tests=() options=()
for word in "$@"; do
  case $word in -*) options+=("$word") ;; *) tests+=("test/kubernetes/$word.test.ts") ;; esac
done
if [ ${#tests[@]} = 0 ]; then tests=(test/kubernetes/*.test.ts); fi
export BATON_TEST_CLUSTER=yes MEASUREMENTS=${MEASUREMENTS:-$PWD/.tools/measurements}
exec node --test --test-concurrency=1 --test-reporter=spec ${options[@]+"${options[@]}"} "${tests[@]}"
