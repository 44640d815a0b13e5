#!/usr/bin/env bash
# tools/run.sh DRST: the closed loop into runs/<n>, on the best data at hand.
set -euo pipefail
drst=$1
cd "$(dirname "$0")/.."

mkdir -p runs
number=1
while [ -e "runs/$number" ]; do number=$((number + 1)); done
out=runs/$number

has_tables() { [ -f "$1/combined.csv" ] || [ -f "$1/perf/combined.csv" ]; }

data=()
if [ -n "${DRST_DATA:-}" ]; then
  if ! has_tables "$DRST_DATA"; then
    echo "DRST_DATA=$DRST_DATA has no combined.csv, nor has its perf/: correct it, or unset it to use datasets/." >&2
    exit 3
  fi
  data=(--data "$DRST_DATA")
elif has_tables datasets; then
  data=(--data datasets)
elif [ -z "${DRST_OFFLINE:-}" ] && "$drst" datasets fetch --out datasets; then
  data=(--data datasets)
else
  echo "No real tables at hand and the public source cannot be reached: a simulated chain is used instead." >&2
  data=(--simulate)
fi
"$drst" run "${data[@]}" --out "$out" "${@:2}"
echo "report: $PWD/$out/report.html" >&2
