# Sourced. Finds Helm 3 and Helm 4 for the tests of the chart: on the PATH, else built with Go into .tools/, once.
# HELMS gets what there is, with colons between; without any Helm those tests are skipped and say so.

helm_3=v3.22.0
helm_4=v4.3.1

find_helms() {
  local major program
  HELMS=
  for major in 3 4; do
    for program in helm "helm$major" "$PWD/.tools/bin/helm$major"; do
      if is_helm "$program" "$major"; then break; fi
      program=
    done
    if [ -z "$program" ] && build_helm "$major"; then program=$PWD/.tools/bin/helm$major; fi
    if [ -n "$program" ]; then HELMS=${HELMS:+$HELMS:}$program; fi
  done
  export HELMS
  if [ -z "$HELMS" ]; then
    echo 'No Helm, and no Go to build it with: the tests of the chart are NOT run (https://helm.sh/docs/intro/install).'
  fi
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
    "helm.sh/helm/v$1/cmd/helm@$version" >.tools/helm$1.log 2>&1; then
    mv "$dir/helm" ".tools/bin/helm$1"
  else
    echo "Helm $version was not built, see .tools/helm$1.log: the chart is tested without it."
  fi
  rmdir "$dir" 2>/dev/null
  [ -x ".tools/bin/helm$1" ]
}
