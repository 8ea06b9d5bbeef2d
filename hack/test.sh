#!/usr/bin/env bash
# Runs all tests with the race detector and in random order: unit tests first, as many packages at a time as there are
# cores; then, one at a time, the packages that start a control plane, since two of them on two cores measure each other.
#
# Usage: test.sh [flag of go test]...
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A package starts a control plane if its tests import envtest or ginkgo, or if it is a whole chain under test/.
list='{{.ImportPath}} {{if or .TestGoFiles .XTestGoFiles}}{{join .TestImports " "}} {{join .XTestImports " "}}{{end}}'
units=() suites=() chains=()
while read -r package imports; do
	case "$package $imports" in
	*onsi/ginkgo*) suites+=("$package") ;;
	*envtest* | countersign.dev/test/*) chains+=("$package") ;;
	*) units+=("$package") ;;
	esac
done < <(go list -f "$list" ./...)

failed=0
run() {
	local about=$1 && shift
	echo "test: $about"
	go test -race -shuffle=on -timeout=20m "$@" || failed=1
}
run "unit tests" "$@" "${units[@]}"
((${#suites[@]} == 0)) || run "suites on a control plane" "$@" -p=1 "${suites[@]}" -ginkgo.randomize-all
((${#chains[@]} == 0)) || run "whole chains" "$@" -p=1 "${chains[@]}"
exit $failed
