# make demo    the main job on the embedded sandbox
# make test    everything CI runs; installs what it needs
# make bench   measures, in ratios; needs kubectl
# make lint    formatting and clippy only
SANDBOX := target/debug/rrsa-sandbox
PLUGIN  := target/debug/kubectl-rrsa

.PHONY: demo build test lint deps bench

build:
	cargo build --workspace --bins --locked

demo: build
	$(SANDBOX) run -- $(PLUGIN) check sa/demo-sa -n rrsa-demo
	$(SANDBOX) run -- $(PLUGIN) check pod/demo -n rrsa-demo

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

deps:
	@tests/scripts/install-deps

test: deps
	@tests/scripts/run-all

bench:
	cargo build --release --workspace --bins --locked
	python3 tests/benches/inventory.py target/release "$$(command -v kubectl)"
