# Two commands for newcomers: `make demo` and `make test`. Each installs what it needs where it may.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test check audit reference bench

help:
	@echo "make demo       build, start the hub with simulated partners, play a whole case with a fee"
	@echo "make test       all tests against real peers (installs Debian packages where it may)"
	@echo "make check      the quick loop: format, clippy, unit tests"
	@echo "make audit      licences, bans, sources and advisories of the dependencies"
	@echo "make reference  write the generated reference pages anew"
	@echo "make bench      the hub beside a bare loop, about three minutes (BENCH_FULL=1: with a million in the store)"

demo:
	@scripts/packages build
	cargo build --release --locked --bin rohrpost
	@exec target/release/rohrpost demo

test:
	@scripts/packages build peers
	@scripts/python-peers
	@scripts/java-peers
	cargo build --locked --bin rohrpost
	cargo test --locked --workspace

check:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked --workspace --lib --bins

audit:
	@scripts/audit

reference:
	ROHRPOST_ACCEPT=1 cargo test --locked --workspace golden

# Nothing else should run meanwhile. What bench/README.md says of it holds for both forms.
bench:
	@scripts/packages build
	cargo build --release --locked -p rohrpost -p rohrpost-bench
	@target/release/rohrpost-bench run --markdown target/bench.md $(if $(BENCH_FULL),--full --count 20000)
