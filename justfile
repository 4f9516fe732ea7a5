# The habits of the house. `just` lists them.

# List what there is
default:
    @just --list

# What CI runs
ci:
    .ci/run

# Format and lint, before a commit
check:
    cargo fmt
    cargo clippy --all-targets -- -D warnings

# Tests whose names contain the words
test *words:
    cargo test {{words}}

# A fleet with simulated clusters, explained line by line
demo *options:
    cargo run --release -- demo {{options}}

# The figures of the README, or those named
figures *names:
    cargo bench --bench figures -- {{names}}

# Write the JSON Schemas from the types
schemas:
    UPDATE_SCHEMAS=1 cargo test --test it schemas

# Look at changed snapshots and accept those that are right
review:
    cargo insta review
