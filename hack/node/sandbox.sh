#!/usr/bin/env bash
# Runs a command, as root, in namespaces of its own: a network without a way out, mounts, processes, host name and cgroups. So
# that a Kubernetes node can run in there, and nothing of it stays or gets out: no mount, no interface, no packet filter rule, no
# kernel setting, no process. Its files are in a directory that the command finds as NODE_DIR, and that goes with it.
#
# Usage: sandbox.sh <command> [argument]...
#
# The network is loopback and NODE_ADDRESS, on an interface that leads nowhere. Its exit status is the command's; it can be given
# to `go test -exec`.
set -euo pipefail

# Outside all that is routed anywhere (RFC 5737), were it ever to get out.
export NODE_ADDRESS=192.0.2.1
export SERVICE_NETWORK=198.51.100.0/24 POD_NETWORK=203.0.113.0/24

# hierarchies prints the directory of each cgroup hierarchy of version 1, and in it our own cgroup.
hierarchies() {
	local controllers path
	while IFS=: read -r _ controllers path; do
		[[ -z $controllers ]] || echo "/sys/fs/cgroup/${controllers#name=}${path%/}"
	done </proc/self/cgroup
}

# enter CGROUP moves this shell into a cgroup of that name below its own, in every hierarchy.
enter() {
	local parent
	while read -r parent; do
		mkdir -p "$parent/$1"
		if [[ -e $parent/cpuset.cpus ]]; then # a new one has neither processors nor memory
			cat "$parent/cpuset.cpus" >"$parent/$1/cpuset.cpus"
			cat "$parent/cpuset.mems" >"$parent/$1/cpuset.mems"
		fi
		echo "$BASHPID" >"$parent/$1/cgroup.procs"
	done < <(hierarchies)
}

# clean ends what runs inside and removes what is left of it. What a run left that could not do so goes with the next one.
clean() {
	local left name
	[[ -z $inside ]] || { kill -KILL "$inside" && wait "$inside"; } 2>/dev/null || true
	while read -r left; do
		name=${left##*/}
		[[ -d $left && ($name == "$node" || ! -d /proc/${name##*-}) ]] || continue
		# The last process of a namespace may need a moment more.
		for _ in {1..50}; do
			find "$left" -depth -type d -exec rmdir {} + 2>/dev/null && break
			sleep 0.1
		done
	done < <(hierarchies | sed 's:$:/countersign-node-*:' | while read -r pattern; do compgen -G "$pattern"; done)
	for left in "${TMPDIR:-/tmp}"/countersign-node-*; do
		name=${left##*/}
		[[ $name != "$node" && -d /proc/${name##*-} ]] || rm -rf "$left"
	done
}

# furnish makes of fresh namespaces a machine that a kubelet can work on.
furnish() {
	local controllers setting
	umount --recursive /sys # it shows the network and the cgroups outside
	mount --make-rshared / # among ourselves: what the kubelet mounts, containerd sees
	mount -t sysfs sysfs /sys
	mount -t tmpfs tmpfs /sys/fs/cgroup
	while IFS=: read -r _ controllers _; do
		[[ -n $controllers ]] || continue
		mkdir "/sys/fs/cgroup/${controllers#name=}"
		mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/${controllers#name=}"
	done </proc/self/cgroup
	mount -t tmpfs tmpfs /run
	for directory in /var/lib /var/log; do # what is written there goes with us
		over=$NODE_DIR/over$directory
		mkdir -p "$over/upper" "$over/work"
		mount -t overlay -o "lowerdir=$directory,upperdir=$over/upper,workdir=$over/work" overlay "$directory"
	done

	# The kubelet wants these of the whole machine. It reads what it wants, and the machine keeps what it has.
	for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
		kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
		echo "${setting#*=}" >"/run/${setting##*/}"
		mount --bind "/run/${setting##*/}" "/proc/sys/${setting%=*}"
	done
	echo 1 >/proc/sys/net/ipv4/ip_forward

	hostname node
	ip link set lo up
	ip link add node0 type bridge
	ip address add "$NODE_ADDRESS/32" dev node0
	ip link set node0 up
	ip route add "$SERVICE_NETWORK" dev node0 # never used as it is: kube-proxy replaces the address
}

if [[ ${1:-} == --inside ]]; then
	shift
	furnish
	"$@" & # in the background, so that this shell, the first process here, takes in orphans meanwhile
	wait $!
	exit
fi

node=countersign-node-$$ inside=
clean
export NODE_DIR=${TMPDIR:-/tmp}/$node
mkdir -m 700 "$NODE_DIR"
trap clean EXIT
trap 'exit 130' INT TERM
# The kernel ends everything inside when this shell ends, however it does.
(enter "$node" && exec setpriv --pdeathsig KILL \
	unshare --net --mount --pid --ipc --uts --cgroup --fork --kill-child --mount-proc "$0" --inside "$@") &
inside=$!
wait "$inside"
