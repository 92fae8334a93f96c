# make demo    the main job on the embedded sandbox
# make test    everything CI runs; installs what it needs
# make bench   measures, in ratios; needs kubectl
# make release builds what is given out; the helper stands alone, linked statically
# make lint    formatting and clippy only
SANDBOX := target/debug/rrsa-sandbox
PLUGIN  := target/debug/kubectl-rrsa

# The helper pays for every library that is linked at start, and for every address that is moved: it has neither.
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
HELPER := target/alone/$(HOST)/release/rrsa-exec-credential
ALONE := -C target-feature=+crt-static -C relocation-model=static

.PHONY: demo build test lint deps bench release

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

release:
	cargo build --release --workspace --bins --locked
	RUSTFLAGS="$(ALONE)" cargo build --release --package rrsa-exec-credential --locked --target $(HOST) --target-dir target/alone

bench: release
	python3 tests/benches/hit.py target/release $(HELPER)
	python3 tests/benches/inventory.py target/release "$$(command -v kubectl)"
