#!/usr/bin/env bash
# tools/plot-drift-curves.sh TABLE PNG: draws what drift_compare_bench printed, a panel a kind of change: mean delay of what
# was found against the hours between false alarms; points are the larger the more was found.
set -euo pipefail
table=$1 picture=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Only the curves, not the tables at equal false alarms: their threshold is "between".
awk -F'|' -v folder="$work" '
  NF == 9 && $3 + 0 > 0 {
    name = $2; sub(/,.*| of 100.*/, "", name); gsub(/^ +| +$/, "", name)
    file = folder "/" name; gsub(/ /, "_", file)
    line = $4
    for (kind = 5; kind <= 8; ++kind) { split($kind, found, ","); line = line " " found[1] " " (found[2] ~ /[0-9]/ ? found[2] : "NaN") }
    print line > file
  }' "$table"
{
  echo "set terminal pngcairo size 1200,800 font 'sans,11'"
  echo "set output '$picture'"
  echo "set multiplot layout 2,2 title 'How soon a change is noticed, by how rare false alarms are (large point: all found)'"
  echo "set logscale x; set xrange [0.08:130]; set yrange [0:1250]; set grid; set key top left"
  echo "set xlabel 'hours between false alarms'; set ylabel 'mean delay, rows'"
  column=2
  for kind in "abrupt: all packets dearer by a tenth" "gradual: by 15 % within 900 rows" "one VNF dearer by 40 %" "twice the noise of measurement"; do
    echo "set title '$kind'"
    plots=()
    colours=("#7f7f7f" "#9467bd" "#1f77b4" "#2ca02c" "#d62728")  # ours is last by name
    for file in "$work"/*; do
      name=$(basename "$file" | tr _ ' ')
      plots+=("'$file' using 1:$((column + 1)) with lines lw 2 lc rgb '${colours[${#plots[@]} / 2]}' title '$name'")
      plots+=("'' using 1:$((column + 1)):(0.3 + 1.7 * \$$column) with points pt 7 ps variable lc rgb '${colours[${#plots[@]} / 2]}' notitle")
    done
    (IFS=,; echo "plot ${plots[*]}")
    echo "unset key"
    column=$((column + 2))
  done
} | gnuplot
