# `make` lists the targets. Nothing is needed but Go, a C compiler (for the race detector), make and git; npm and curl for some tests.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION = $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
DEV_PORT ?= 8080
SOAK_STEPS ?= 2000
SOAK_SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
# Drawn once, however often it is written.
SOAK_SEED := $(SOAK_SEED)

# Pinned in hack/tools/go.mod. Go builds each on first use and keeps it in its build cache.
TOOL := go tool -modfile=hack/tools/go.mod
LINT := $(TOOL) golangci-lint-kube-api-linter

# The same flags for all that is built, so that what two programs have in common is compiled once.
BUILD := CGO_ENABLED=0 go build -trimpath

# Where the programs and tests find etcd, kube-apiserver and so on. It is given to them alone: build.sh must see the
# KUBEBUILDER_ASSETS of the caller, who may have these programs somewhere else.
ASSETS := KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s

##@ Use

.PHONY: demo
demo: controlplane build ## Run the whole scenario on a local control plane, step by step (less than a minute once all is built).
	@echo "build: demo and the examples"
	@$(BUILD) -o bin/ ./examples/...
	@exec env $(ASSETS) bin/demo

.PHONY: dev
dev: controlplane build ## Start a local control plane, operator and token server, and leave them running (DEV_PORT=8080).
	@$(BUILD) -o bin/dev ./hack/dev
	@exec env $(ASSETS) DEV_PORT=$(DEV_PORT) bin/dev

##@ Build

.PHONY: build
build: ## Build bin/operator, bin/tokenserver and bin/injector.
	@echo "build: operator, tokenserver and injector, version $(VERSION) (the first time 2 to 3 minutes on 2 cores)"
	@$(BUILD) -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/operator ./cmd/tokenserver ./cmd/injector

.PHONY: plugin
plugin: ## Build bin/kubectl-countersign, and the link by which kubectl finds its shell completion.
	@echo "plugin: kubectl-countersign, version $(VERSION)"
	@$(BUILD) -ldflags '-s -w -X main.version=$(VERSION)' -o bin/ ./cmd/kubectl-countersign
	@ln -sf kubectl-countersign bin/kubectl_complete-countersign

.PHONY: controlplane
controlplane: ## Link etcd, kube-apiserver, kube-controller-manager and kubectl as bin/k8s (the first time: 8 minutes of building).
	@hack/controlplane/build.sh bin/k8s

.PHONY: images
images: ## Build the three container images; needs Docker.
	@for program in operator tokenserver injector; do \
		echo "images: countersign/$$program:dev, version $(VERSION)"; \
		docker build --build-arg PROGRAM=$$program --build-arg VERSION=$(VERSION) --tag countersign/$$program:dev .; \
	done

.PHONY: clean
clean: ## Remove what was built here (the control plane stays in the user's cache directory).
	@rm -rf bin .dev out

##@ Check

.PHONY: test
test: controlplane build ## Run the tests: unit, envtest and whole chain, with the race detector, in random order.
	@$(ASSETS) COUNTERSIGN_PROGRAMS=$(CURDIR)/bin hack/test.sh

.PHONY: e2e
e2e: controlplane build ## Try what takes its time, as an operator that is killed; then pods, on a node made for it, as root on Linux (4 minutes, the first time 5 more).
	@$(ASSETS) COUNTERSIGN_PROGRAMS=$(CURDIR)/bin hack/test.sh --long
	@hack/controlplane/build.sh bin/k8s --node
	@hack/node/build.sh bin/node
	@$(ASSETS) hack/e2e.sh

.PHONY: soak
soak: controlplane build ## Play long random histories: of credentials, then on the running programs against the reference model (SOAK_STEPS=2000, SOAK_SEED).
	@echo "soak: seed $(SOAK_SEED), $(SOAK_STEPS) steps"
	@go test -count=1 -timeout=0 -run 'TestEveryCredential' ./controllers/credentials -rapid.seed=$(SOAK_SEED) -rapid.checks=$$(($(SOAK_STEPS) / 10))
	@$(ASSETS) go test -count=1 -v -timeout=0 ./test/model -args -seed=$(SOAK_SEED) -steps=$(SOAK_STEPS)

.PHONY: fuzz
fuzz: ## Fuzz each target for a while (FUZZTIME=30s); the seeds run in make test.
	@hack/fuzz.sh

.PHONY: verify
verify: verify-generated verify-modules verify-manifests verify-scripts vet lint verify-format ## Fail where generated files, modules, manifests, formatting or lint are not as they should be.

.PHONY: verify-generated
verify-generated:
	@echo "verify: generated files"
	@hack/generate.sh --check

.PHONY: verify-modules
verify-modules:
	@echo "verify: go.mod and go.sum of all modules"
	@hack/verify-modules.sh

.PHONY: verify-manifests
verify-manifests:
	@echo "verify: kustomize builds every directory of config/"
	@for file in $$(find config -name kustomization.yaml | sort); do \
		grep -q '^kind: Component' $$file || $(TOOL) kustomize build $$(dirname $$file) >/dev/null; \
	done

.PHONY: verify-scripts
verify-scripts:
	@echo "verify: syntax of shell scripts"
	@for script in .ci/run $$(find . -name node_modules -prune -o -name '*.sh' -print); do bash -n $$script; done

.PHONY: verify-format
verify-format:
	@echo "verify: formatting"
	@$(LINT) fmt --diff || { echo "files are not formatted: run 'make fmt'" >&2 && exit 1; }

.PHONY: vet
vet:
	@echo "vet: all packages"
	@go vet -tags=e2e ./...

.PHONY: lint
lint: ## Lint, with the rules on who may import whom and the kube-api-linter (building the linter takes 1 to 2 minutes, once).
	@echo "lint: all packages"
	@$(LINT) run ./...

##@ Change

.PHONY: generate
generate: ## Generate deep copies and CRDs from api/.
	@echo "generate: api/v1alpha1/zz_generated.deepcopy.go and config/crd/bases"
	@hack/generate.sh

.PHONY: generate-roles
generate-roles: controlplane ## Write what the authorizer says of the roles in config/rbac into docs/security.md.
	@echo "generate: the tables of docs/security.md"
	@$(ASSETS) go test ./test/cockpits -run '^TestTheTablesOfTheSecurityDocumentAreWhatTheAuthorizerSays$$' -update

.PHONY: fmt
fmt: ## Format all Go files.
	@$(LINT) fmt

.PHONY: help
help: ## List the targets.
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
