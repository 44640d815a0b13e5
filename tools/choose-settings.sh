#!/usr/bin/env bash
# Chooses the settings of adaptation and writes config/chosen.toml. No setting is chosen by a result on dag-1: the
# chooser runs on a folder that holds every table of DRST_DATA but those of that topology, and a simulated one: in
# the real world that is left frozen models err so much that harm by adaptation hides.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$(readlink -f "${DRST_DATA:?set DRST_DATA to the folder of real measurements}")
build=${1:-build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for table in "$data"/perf/*.csv; do
  case $(basename "$table") in
    dag-1*) ;;
    *) ln -s "$table" "$folder/" ;;
  esac
done
tools/build.sh release "$build" pipeline_choose_bench
tools/build.sh release "$build" drst
"$build/bin/drst" simulate --scenario intervention --rows 1000 --seed 11 --out "$folder/simulated_intervention.csv" -q
"$build/bin/pipeline_choose_bench" "$folder" --seeds "${SEEDS:-2}" >"$folder/chosen.toml"
cp "$folder/chosen.toml" config/chosen.toml
echo "config/chosen.toml written; make the defaults follow it where the test says they differ"
