#!/usr/bin/env bash
# tools/tidy.sh BUILD [FILE...]: clang-tidy over the given files, or all of ours.
set -euo pipefail
build=$1
cd "$(dirname "$0")/.."
if [ $# -gt 1 ]; then files=("${@:2}"); else mapfile -t files < <(git ls-files 'src/*.cpp'); fi
# GCC's flags that clang does not know must not count as findings.
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument
