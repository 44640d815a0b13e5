#!/usr/bin/env bash
# tools/build.sh PRESET FOLDER [TARGET]: configures once, builds.
# The target unit-tests stands for every <room>_test program.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 folder=$2 target=${3:-all}

cmake --preset "$preset" -B "$folder" >"/tmp/drst-configure-$$.log" 2>&1 || {
  cat "/tmp/drst-configure-$$.log" >&2
  exit 1
}
rm -f "/tmp/drst-configure-$$.log"
cmake --build "$folder" --target "$target" -j "${JOBS:-$(nproc)}"
