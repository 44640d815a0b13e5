#!/usr/bin/env bash
# tools/fuzz.sh BUILD SECONDS: every fuzzer in turn, from its seeds; a crash ends it with the input's path.
set -euo pipefail
build=$1 seconds=$2
cd "$(dirname "$0")/.."
for fuzzer in "$build"/bin/*_fuzz; do
  name=$(basename "$fuzzer" _fuzz)
  mkdir -p "$build/corpus/$name"
  echo "== $name"
  "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -artifact_prefix="$build/" \
    -print_final_stats=1 "$build/corpus/$name" "tests/corpus/$name" 2>"$build/$name.log" || {
    tail -40 "$build/$name.log" >&2
    exit 1
  }
  grep -E 'number_of_executed_units|peak_rss' "$build/$name.log"
done
