#!/usr/bin/env bash
# Builds containerd, its shim and ctr from the Go modules that the go.mod beside this file pins, once for each version, into the
# user's cache directory, and links them as <bin dir>/.
#
# Usage: build.sh <bin dir>
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${1:?usage: build.sh <bin dir>}
mkdir -p "$bin"
bin=$(cd "$bin" && pwd -P)

cd "$here"
containerd=$(go list -m -f '{{.Version}}' github.com/containerd/containerd/v2)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/countersign/node/containerd-$containerd-$(go env GOOS)-$(go env GOARCH)

# Built beside its place and moved there: an interrupted build leaves nothing that looks finished.
unfinished=
trap 'rm -rf "$unfinished"' EXIT
if [[ ! -d $cache ]]; then
	echo "node: building containerd (2 to 3 minutes on 2 cores, once for this version)" >&2
	mkdir -p "${cache%/*}"
	unfinished=$(mktemp -d "$cache.XXXXXX")
	CGO_ENABLED=0 go build -trimpath -tags no_btrfs,no_devmapper,no_zfs \
		-ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=$containerd" -o "$unfinished/" tool
	mv -T "$unfinished" "$cache" 2>/dev/null || [[ -d $cache ]] # another one was faster
fi
for program in "$cache"/*; do ln -sfn "$program" "$bin/"; done
