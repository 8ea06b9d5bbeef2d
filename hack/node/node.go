// Package node pins, in its go.mod, containerd, which runs the pods of tests. It holds no code of its own; build.sh builds
// the programs, and sandbox.sh keeps what they do to a machine away from it. What of Kubernetes runs pods is pinned beside the
// control plane, in hack/controlplane: it has to be of the same version, and is compiled of the same packages.
package node
