#!/usr/bin/env bash
# Builds the local control plane (etcd, kube-apiserver, kube-controller-manager, kubectl) from the Go modules that the
# go.mod beside this file pins, once for each version, into the user's cache directory, and links it as <bin dir>/.
#
# Usage: build.sh <bin dir> [--node]
#
# With --node also what of Kubernetes runs pods: kube-scheduler, kubelet and kube-proxy.
#
# A program that stands in $KUBEBUILDER_ASSETS already is linked from there and not built. Several of these may run at a
# time, in one clone or in several.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${1:?usage: build.sh <bin dir> [--node]}
mkdir -p "$bin"
bin=$(cd "$bin" && pwd -P)
assets=${KUBEBUILDER_ASSETS:-}
if [[ -n $assets ]]; then
	# As an absolute path, since a link in the bin directory points there, and so that bin itself, which may be meant, is seen.
	[[ -d $assets ]] || { echo "KUBEBUILDER_ASSETS is $assets, which is no directory: correct it or unset it" >&2 && exit 1; }
	assets=$(cd "$assets" && pwd -P)
fi

cd "$here"
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
etcd=$(go list -m -f '{{.Version}}' go.etcd.io/etcd/server/v3)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/countersign/controlplane/kubernetes-$kubernetes-etcd-$etcd-$(go env GOOS)-$(go env GOARCH)

# Built beside its place and moved there: an interrupted build leaves nothing that looks finished.
unfinished=
trap 'rm -f "$unfinished"' EXIT

# Without these the programs say v0.0.0-master, which neither kubectl nor client-go's version checks can parse.
ldflags=(-s -w)
IFS=. read -r major minor _ <<<"${kubernetes#v}"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	ldflags+=(
		-X "$package.gitVersion=$kubernetes"
		-X "$package.gitMajor=$major"
		-X "$package.gitMinor=$minor"
		-X "$package.gitTreeState=clean"
		-X "$package.buildDate=1970-01-01T00:00:00Z"
	)
done

# link PROGRAM PACKAGE ABOUT: links the program into the bin directory; builds it first where it is in neither place.
link() {
	local program=$1 package=$2 about=$3 from
	if [[ -n $assets && $assets != "$bin" && -x $assets/$program ]]; then
		from=$assets/$program
	else
		from=$cache/$program
		if [[ ! -x $from ]]; then
			echo "controlplane: building $program ($about on 2 cores, once for this version)" >&2
			mkdir -p "$cache"
			unfinished=$from.$$
			CGO_ENABLED=0 go build -trimpath -ldflags "${ldflags[*]}" -o "$unfinished" "$package"
			mv "$unfinished" "$from"
		fi
	fi
	ln -sfn "$from" "$bin/$program"
}

link etcd go.etcd.io/etcd/server/v3 "about 10 seconds"
link kubectl k8s.io/kubernetes/cmd/kubectl "1 to 2 minutes"
link kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver "4 to 5 minutes"
link kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager "1 to 2 minutes"
if [[ ${2:-} == --node ]]; then
	link kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler "1 to 2 minutes"
	link kubelet k8s.io/kubernetes/cmd/kubelet "2 to 3 minutes"
	link kube-proxy k8s.io/kubernetes/cmd/kube-proxy "1 minute"
fi
