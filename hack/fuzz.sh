#!/usr/bin/env bash
# Fuzzes every target for a while, one after the other: each function Fuzz… in a test file. What fails is left in
# testdata/fuzz of its package, to be committed with the fix; from then on every run of the tests tries it.
#
# Usage: FUZZTIME=30s fuzz.sh [target]...
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

targets=$(grep -rEo --include='*_test.go' --exclude-dir=node_modules --exclude-dir=hack '^func Fuzz[A-Za-z0-9_]*' . | sort) || {
	echo "fuzz: there are no targets" >&2
	exit 1
}
tried=0 failed=()
while IFS=: read -r file declaration; do
	target=${declaration#func }
	[[ $# -eq 0 || " $* " == *" $target "* ]] || continue
	package=./$(dirname "${file#./}")
	echo "fuzz: $target in $package, ${FUZZTIME:=30s}"
	go test -run='^$' -fuzz="^$target\$" -fuzztime="$FUZZTIME" "$package" || failed+=("$target")
	tried=$((tried + 1))
done <<<"$targets"
((tried > 0)) || { echo "fuzz: no target is called $*" >&2 && exit 1; }
((${#failed[@]} == 0)) || { echo "fuzz: failed: ${failed[*]}" >&2 && exit 1; }
