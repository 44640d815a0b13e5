#!/usr/bin/env bash
# tools/services.sh [FOLDER]: a real S3 service on loopback, its objects in FOLDER (build/services), until Ctrl-C.
# Prints the environment that `drst --store s3://drst` needs. tools/services.sh fetch: only fetches into the cache.
set -euo pipefail
cd "$(dirname "$0")/.."
exec /usr/bin/python3 tests/services_s3.py "${1:-build/services}"
