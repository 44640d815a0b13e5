#!/usr/bin/env bash
# tools/bench.sh BUILD: all benchmarks, one after the other (two at once would measure each other).
# Those that need the real tables are left out, and named at the end, where DRST_DATA does not have them.
set -euo pipefail
build=$1
tables=${DRST_DATA:-}
if [ -f "$tables/combined.csv" ] || [ -f "$tables/perf/combined.csv" ]; then tables=found; else tables=; fi
left_out=()
for bench in "$build"/bin/*_bench; do
  name=$(basename "$bench" _bench)
  echo "== $name"
  code=0
  "$bench" || code=$?
  [ "$code" -eq 0 ] && continue
  # 3: input is missing.
  if [ "$code" -ne 3 ] || [ -n "$tables" ]; then
    echo "bench: $name ended with $code" >&2
    exit 1
  fi
  left_out+=("$name")
done
[ "${#left_out[@]}" -eq 0 ] || echo "left out, as DRST_DATA does not name the real tables: ${left_out[*]}" >&2
