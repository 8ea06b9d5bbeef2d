#!/usr/bin/env bash
# Runs the tests of test/e2e: Countersign in pods, on a node that is made for them inside namespaces of its own. Where it cannot,
# it says what is lacking and fails: nothing here is left out in silence.
#
# Usage: e2e.sh [flag of go test]...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lacking() { printf 'e2e: %s\n' "$@" >&2 && exit 1; }

[[ $(uname -s) == Linux ]] || lacking "pods need Linux, and this is $(uname -s)"
((EUID == 0)) || lacking "namespaces, mounts and cgroups need root: run it as root, or in a virtual machine in which you are"
for controller in cpu cpuset memory pids; do
	# Version 2 gives a controller to children of a group without processes alone, which is another way to start all of this.
	[[ -d /sys/fs/cgroup/$controller ]] || lacking "there is no cgroup hierarchy of version 1 for $controller (/sys/fs/cgroup/$controller)"
done

# What is not built from Go modules: runc needs a C library for seccomp, nft is C, and the rest are a few small programs.
declare -A packages=([runc]=runc [nft]=nftables [ip]=iproute2 [unshare]=util-linux [setpriv]=util-linux)
missing=()
for program in "${!packages[@]}"; do command -v "$program" >/dev/null || missing+=("${packages[$program]}"); done
for plugin in ptp host-local; do
	[[ -x /usr/lib/cni/$plugin || -x /opt/cni/bin/$plugin ]] || { missing+=(containernetworking-plugins) && break; }
done
if ((${#missing[@]} > 0)); then
	command -v apt-get >/dev/null || lacking "these are missing, and there is no apt-get to install them: ${missing[*]}"
	echo "e2e: installing ${missing[*]}" >&2
	{ apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}"; } >&2 ||
		lacking "apt-get could not install ${missing[*]}"
fi

echo "e2e: building the application of the tests" >&2
CGO_ENABLED=0 go build -trimpath -o bin/e2e/ ./test/e2e/app
exec go test -v -count=1 -timeout=20m -tags=e2e -exec="$PWD/hack/node/sandbox.sh" "$@" ./test/e2e
