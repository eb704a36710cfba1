#!/bin/sh
# Builds the Rust core for this source tree: src/headrace/native/_core.abi3.so. Needs cargo; run again after a change in native/.
set -e
here=$(cd "$(dirname "$0")" && pwd)
cargo build --release --quiet --manifest-path "$here/Cargo.toml" -p headrace-native
target=${CARGO_TARGET_DIR:-$here/target}
# Replaced as a whole, for a running process has the old one mapped.
cp "$target/release/lib_core.so" "$here/../src/headrace/native/_core.abi3.so.new"
mv "$here/../src/headrace/native/_core.abi3.so.new" "$here/../src/headrace/native/_core.abi3.so"
