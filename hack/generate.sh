#!/usr/bin/env bash
# Generates deep copies and CRDs from api/.
#
# Usage: generate.sh [--check]
#
# With --check it writes nothing and fails where what is committed differs from what would be generated. Both go through a
# temporary directory, so the check says the same in a clean checkout and in a tree with changes, and an error of the
# generator leaves the old files as they are.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
go tool -modfile=hack/tools/go.mod controller-gen object crd paths=./api/... \
	output:object:dir="$out/api" output:crd:dir="$out/crd"

if [[ ${1:-} == --check ]]; then
	diff -u api/v1alpha1/zz_generated.deepcopy.go "$out/api/zz_generated.deepcopy.go" &&
		diff -ruN config/crd/bases "$out/crd" ||
		{ echo "generated files are not up to date: run 'make generate'" >&2 && exit 1; }
else
	mkdir -p config/crd/bases
	rm -f config/crd/bases/*.yaml
	cp "$out/api/zz_generated.deepcopy.go" api/v1alpha1/
	cp "$out"/crd/*.yaml config/crd/bases/
fi
