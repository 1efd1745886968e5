#!/bin/sh
# Runs every target, or those that are named, for SECONDS_EACH seconds (60): `fuzz/run.sh [TARGET…]`.
set -eu
cd "$(dirname "$0")"
python3 seeds.py
for target in ${*:-wheel sdist record metadata filename entry_points project token listing pypirc}; do
    echo "== $target"
    cargo +nightly fuzz run --fuzz-dir . "$target" -- \
        -max_total_time="${SECONDS_EACH:-60}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1
done
