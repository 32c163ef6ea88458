#!/usr/bin/env bash
# Records tests/fixtures/recorded anew: a fresh control plane, the broken shop in it, and what the API server then answers.
# Takes a quarter of a minute. `make record` calls it; tests/cluster/README.md says what is recorded.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cluster=$root/.tools/bin/cluster
"$root/tests/tools/setup.sh"

directory=$(mktemp -d)
# The launcher ends with this script, however that ends: its stdin is a pipe that this script holds (file descriptor 4).
coproc launcher { exec "$cluster" up --dir "$directory/cluster"; }
# shellcheck disable=SC2154 # coproc sets it
launcher_pid=$launcher_PID
exec 3<&"${launcher[0]}" 4>&"${launcher[1]}"
eval "exec ${launcher[0]}<&- ${launcher[1]}>&-"

stop() {
    exec 4>&-
    wait "$launcher_pid" || true
    rm -rf "$directory"
}
trap stop EXIT

if ! IFS= read -r -t 600 line <&3; then
    echo "record: the cluster did not start" >&2
    exit 1
fi
echo "record: $line"
"$cluster" shop --dir "$directory/cluster" --fixtures "$root/tests/fixtures/shop"
"$cluster" record --dir "$directory/cluster" --out "$root/tests/fixtures/recorded"
