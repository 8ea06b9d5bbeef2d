#!/usr/bin/env bash
# Fails where `go mod tidy` would change a module of this repository, and where two of them pin different versions of what
# must be the same: ginkgo's command and library, the Kubernetes that we are compiled against and the one that tests start.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
for module in . hack/tools hack/controlplane hack/node; do
	go -C "$module" mod tidy -diff || { echo "$module/go.mod is not tidy: run 'go -C $module mod tidy'" >&2 && failed=1; }
done

same() {
	local package=$1 module=$2 ours theirs
	ours=$(go list -m -f '{{.Version}}' "$package")
	theirs=$(go -C "$module" list -m -f '{{.Version}}' "$package")
	[[ $ours == "$theirs" ]] || { echo "$package is $ours here and $theirs in $module" >&2 && failed=1; }
}
same github.com/onsi/ginkgo/v2 hack/tools
same k8s.io/client-go hack/controlplane

exit $failed
