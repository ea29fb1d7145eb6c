#!/usr/bin/env bash
# Everything a change needs, from nothing but a Rust toolchain: `scripts/test.sh`. Stops at the first failure.
#
# With CI=true nothing is skipped but what lies outside this repository.
set -euo pipefail
cd "$(dirname "$0")/.."

recordings=${SWITCHTOWER_RECORDINGS:-../shared/traffic}
started=$SECONDS

step() {
  printf '\n== %s (%d s)\n' "$1" $((SECONDS - started))
}

has() {
  cargo "$1" --version >/dev/null 2>&1
}

step "tools of the end-to-end tests"
scripts/tools.sh

step "tidy"
cargo xtask tidy

if has fmt; then
  step "format"
  cargo fmt --all --check
else
  echo "skipped: format, since rustfmt is not installed"
fi

if has clippy; then
  step "lints"
  cargo clippy --quiet --workspace --all-targets -- --deny warnings
else
  echo "skipped: lints, since clippy is not installed"
fi

step "tests"
if has nextest; then
  cargo nextest run --workspace --filterset 'not binary(sdk)' --no-fail-fast --status-level fail --final-status-level fail
  step "examples in the documentation"
  cargo test --quiet --workspace --doc
else
  cargo test --quiet --workspace --no-fail-fast
fi

step "the official SDKs"
# Apart, for its table: a test that passes is silent otherwise.
cargo test --quiet --package switchtower --test sdk -- --nocapture

step "fuzz targets, briefly"
(
  cd fuzz
  cargo build --quiet --bins
  for target in fuzz_targets/*.rs; do
    cargo run --quiet --bin "$(basename "$target" .rs)" -- 2 "${FUZZ_SEED:-1}"
  done
)

step "a long day, in short"
cargo xtask long-day --short

step "recorded exchanges"
if [ -d "$recordings" ]; then
  cargo run --quiet --package switchtower -- conformance "$recordings" --explained docs/reference/conformance-explained.txt
else
  echo "skipped: there are no recordings at $recordings"
fi

printf '\nall is well after %d s\n' $((SECONDS - started))
