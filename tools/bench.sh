#!/usr/bin/env bash
# tools/bench.sh BUILD: all benchmarks, one after the other (two at once would measure each other).
set -euo pipefail
build=$1
for bench in "$build"/bin/*_bench; do
  echo "== $(basename "$bench" _bench)"
  "$bench"
done
