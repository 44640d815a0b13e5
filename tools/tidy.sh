#!/usr/bin/env bash
# tools/tidy.sh BUILD FUZZ_BUILD [FILE...]: clang-tidy over the given files, or all of ours. Each file is read with the
# flags of the build that compiles it; one that neither compiles is an error, as it would be read with guessed ones.
set -euo pipefail
build=$1 fuzz=$2
cd "$(dirname "$0")/.."
if [ $# -gt 2 ]; then files=("${@:3}"); else mapfile -t files < <(git ls-files '*.cpp'); fi

tidy() {  # DATABASE FILE...
  local database=$1 file
  shift
  for file in "$@"; do
    grep -q "\"file\": \"$PWD/$file\"" "$database/compile_commands.json" || {
      echo "tidy: $file is not in $database/compile_commands.json; configure with tests and benches" >&2
      return 1
    }
  done
  # GCC's flags that clang does not know must not count as findings.
  [ $# -eq 0 ] || printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 clang-tidy -p "$database" --quiet \
    --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-ignored-optimization-argument
}
ours=() fuzzers=()
for file in "${files[@]}"; do
  case $file in tests/fuzz/*) fuzzers+=("$file") ;; *) ours+=("$file") ;; esac
done
tidy "$build" "${ours[@]}"
tidy "$fuzz" "${fuzzers[@]}"
