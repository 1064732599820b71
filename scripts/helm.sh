# Sourced. Finds Helm 3 and Helm 4 for the tests of the chart: on the PATH, else built with Go into .tools/, once.
# HELMS gets what there is, with colons between; without any Helm those tests are skipped and say so.
# A build takes 3 to 4 minutes of processor time, so only the first of HELM_BUILDS (default: 3) is built, and only if no Helm
# is there; HELM_BUILDS='3 4' builds what is missing of both.

helm_3=v3.22.0
helm_4=v4.3.1

find_helms() {
  local major program
  HELMS=
  for major in 3 4; do
    for program in helm "helm$major" "$PWD/.tools/bin/helm$major"; do
      if is_helm "$program" "$major"; then add_helm "$program"; break; fi
    done
  done
  if [ -z "$HELMS" ] || [ -n "${HELM_BUILDS:-}" ]; then
    for major in ${HELM_BUILDS:-3}; do
      if ! has_helm "$major" && build_helm "$major"; then add_helm "$PWD/.tools/bin/helm$major"; fi
    done
  fi
  export HELMS
  for major in 3 4; do
    has_helm "$major" || echo "The tests of the chart are NOT run with Helm $major, which is not here (HELM_BUILDS='3 4' builds both, with Go)."
  done
}

add_helm() { HELMS=${HELMS:+$HELMS:}$1; }

has_helm() {
  local program
  while IFS= read -r -d : program; do
    if is_helm "$program" "$1"; then return 0; fi
  done <<<"$HELMS:"
  return 1
}

is_helm() {
  case $("$1" version --template '{{.Version}}' 2>/dev/null) in
    "v$2".*) return 0 ;;
    *) return 1 ;;
  esac
}

build_helm() {
  local version=helm_$1 dir
  command -v go >/dev/null || return 1
  version=${!version}
  echo "Building Helm $version with Go into .tools/ ..."
  mkdir -p .tools/bin
  dir=$(mktemp -d) || return 1
  if GOBIN=$dir CGO_ENABLED=0 go install -buildvcs=false -trimpath \
    -ldflags "-s -w -X helm.sh/helm/v$1/internal/version.version=$version" \
    "helm.sh/helm/v$1/cmd/helm@$version" >".tools/helm$1.log" 2>&1; then
    mv "$dir/helm" ".tools/bin/helm$1"
  else
    echo "Helm $version was not built: see .tools/helm$1.log"
  fi
  rm -rf "$dir"
  [ -x ".tools/bin/helm$1" ]
}
