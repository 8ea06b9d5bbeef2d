#!/usr/bin/env bash
# Runs tests with the race detector and in random order: unit tests first, and a simulation beside them; then the packages whose
# specs call what they try on a control plane of their own, more at a time than there are cores, since they wait for it; then, two at
# a time, the whole chains, the one in which clients measure how long something takes by itself.
#
# Usage: test.sh [--long] [flag of go test]...
#   --long  runs instead, one at a time, the chains that wait for what takes its time: a lease to run out, keys to be rotated.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

long=no
if [[ ${1:-} == --long ]]; then long=yes && shift; fi

# Listed before anything is run: a package that cannot even be listed must not go untested in silence.
# A whole chain imports test/stack.
list='{{.ImportPath}} {{if or .TestGoFiles .XTestGoFiles}}{{join .TestImports " "}} {{join .XTestImports " "}}{{end}}'
packages=$(go list -f "$list" ./...) || exit 1
suites=() units=() chains=() timed=() simulations=() waiting=()
while read -r package imports; do
	case "$package $imports" in
	*/test/rotation\ *) simulations+=("$package") ;;
	*/test/flow*) timed+=("$package") ;;
	*/test/kill* | */test/rotation/live*) waiting+=("$package") ;;
	*countersign.dev/test/stack*) chains+=("$package") ;;
	*onsi/ginkgo*) suites+=("$package") ;;
	*) units+=("$package") ;;
	esac
done <<<"$packages"

failed=0
run() {
	local about=$1 start=$SECONDS && shift
	echo "test: $about"
	go test -shuffle=on -timeout=20m "$@" || failed=1
	echo "test: $about took $((SECONDS - start)) s"
}
export GORACE=atexit_sleep_ms=0 # the detector waits a second at the end of each of sixty programs

if [[ $long == yes ]]; then
	run "whole chains that wait" -race "$@" -p=1 "${waiting[@]}"
	exit $failed
fi

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

# It waits for nothing, and so goes beside tests that do.
simulated=$(mktemp)
(failed=0 && run "simulation of a year" -race "$@" "${simulations[@]}" && exit $failed) >"$simulated" 2>&1 &
run "unit tests" -race "$@" -p=3 "${units[@]}"
run "suites on a control plane" -race "$@" -p=3 "${suites[@]}" -ginkgo.randomize-all
wait $! || failed=1
cat "$simulated" && rm "$simulated"
run "whole chains" -race "$@" -p=2 "${chains[@]}"
run "whole chains that measure time" -race "$@" -p=1 "${timed[@]}"
report_skipped
exit $failed
