#!/usr/bin/env bash
# Prepares, once, the Python environment of the tests that check our files with other people's readers.
set -euo pipefail
cache=${DRST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drst}
wanted="numpy==1.26.4 onnxruntime==1.17.3 lmdb==1.5.1 kafka-python==2.2.15"
stamp=$cache/venv/.complete
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0
rm -rf "$cache/venv"
mkdir -p "$cache"
/usr/bin/python3 -m venv "$cache/venv"
# shellcheck disable=SC2086  # a list of words on purpose
"$cache/venv/bin/pip" install -q --disable-pip-version-check $wanted
printf '%s' "$wanted" >"$stamp"
