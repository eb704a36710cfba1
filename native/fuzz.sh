#!/bin/sh
# Fuzzes the readers of the Rust core, guided by coverage, and keeps what was found in corpus/: fuzz.sh [RUNS [TARGET…]].
# Needs cargo-fuzz (cargo install cargo-fuzz). An input that panics is in fuzz/artifacts/.
set -e
cd "$(dirname "$0")"
runs=${1:-1000000}
[ $# -gt 0 ] && shift
names=${*:-$(cargo run --quiet -p headrace-targets --bin targets)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $names; do
    cargo run --quiet -p headrace-targets --bin corpus -- unpack "$name" "$work/$name"
    mkdir "$work/$name.small"
    # The sanitizers need a nightly compiler; panics and overflows are what is looked for, and show themselves without.
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir fuzz --sanitizer none "$name" "$work/$name" -- -runs="$runs" -max_len=4096 -verbosity=0 -print_final_stats=1
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir fuzz --sanitizer none "$name" -- -set_cover_merge=1 -use_counters=0 -verbosity=0 "$work/$name.small" "$work/$name"
    cargo run --quiet -p headrace-targets --bin corpus -- pack "$name" "$work/$name.small"
done
