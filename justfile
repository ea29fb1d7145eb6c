# What we do often. `just` lists it.

_default:
    @just --list

# Check one crate while you work on it
check crate="switchtower":
    cargo check -p {{crate}} --all-targets

# Test one crate
test crate="switchtower":
    cargo test -p {{crate}}

# Accept changed snapshots; read them before you commit
golden crate="switchtower-dialect":
    INSTA_UPDATE=always cargo test -p {{crate}}

# Run one fuzz target for a while, without libFuzzer: `cargo fuzz run TARGET` does it with
fuzz target seconds="30" seed="1":
    cd fuzz && cargo run --release --bin {{target}} -- {{seconds}} {{seed}}

# The simulator alone, to drill against
sim seed="0":
    cargo run --release -- sim --seed {{seed}}

# Added latency and CPU against nginx, in one run
bench:
    cargo xtask bench

# A million mixed requests against a simulator that misbehaves
long-day requests="1000000" seed="1":
    cargo xtask long-day --requests {{requests}} --seed {{seed}}

# Formatting and lints
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Licences, bans and sources of dependencies
deny:
    cargo deny --offline check licenses bans sources

# Floors, rings of modules, shapes of folders
tidy:
    cargo xtask tidy

# Replay recordings
conformance folder:
    cargo run --release -- conformance {{folder}}

# All that a change needs
ready: lint tidy
    ./scripts/test.sh
