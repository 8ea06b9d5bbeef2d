#!/usr/bin/env bash
# Runs all tests with the race detector and in random order: unit tests first, as many packages at a time as there are
# cores; then, two at a time, the packages whose specs call what they try on a control plane of their own; then, one at a time, the
# whole chains, in which clients measure how long something takes.
#
# Usage: test.sh [flag of go test]...
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Listed before anything is run: a package that cannot even be listed must not go untested in silence.
# A package starts a control plane if its tests import ginkgo or envtest, or test/stack for a whole chain.
list='{{.ImportPath}} {{if or .TestGoFiles .XTestGoFiles}}{{join .TestImports " "}} {{join .XTestImports " "}}{{end}}'
packages=$(go list -f "$list" ./...) || exit 1
units=() suites=() chains=()
while read -r package imports; do
	case "$package $imports" in
	*onsi/ginkgo*) suites+=("$package") ;;
	*envtest* | *countersign.dev/test/stack*) chains+=("$package") ;;
	*) units+=("$package") ;;
	esac
done <<<"$packages"

failed=0
run() {
	local about=$1 start=$SECONDS && shift
	echo "test: $about"
	go test -race -shuffle=on -timeout=20m "$@" || failed=1
	echo "test: $about took $((SECONDS - start)) s"
}
# Said aloud, at the beginning and at the end: what was not tried must not look as if it had passed.
skipped=()
lacks() { ! command -v "$1" >/dev/null; }
if lacks npm; then skipped+=("UnmodifiedNPM: the tests with unmodified clients from npm, because npm is not on this machine"); fi
if lacks curl; then skipped+=("EveryCommandOfTheAPIDocument: the commands of docs/api.md, because curl is not on this machine"); fi
report_skipped() { ((${#skipped[@]} == 0)) || printf 'test: SKIPPED %s\n' "${skipped[@]}"; }
if ((${#skipped[@]} > 0)); then
	report_skipped
	pattern=$(printf '%s\n' "${skipped[@]%%:*}" | paste -sd'|')
	set -- "$@" "-skip=$pattern"
fi

run "unit tests" "$@" "${units[@]}"
((${#suites[@]} == 0)) || run "suites on a control plane" "$@" -p=2 "${suites[@]}" -ginkgo.randomize-all
((${#chains[@]} == 0)) || run "whole chains" "$@" -p=1 "${chains[@]}"
report_skipped
exit $failed
