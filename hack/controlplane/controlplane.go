// Package controlplane pins, in its go.mod, the Kubernetes that tests and local runs start: etcd, kube-apiserver,
// kube-controller-manager and kubectl, and for tests with pods kube-scheduler, kubelet and kube-proxy. It holds no code of its
// own; build.sh builds the programs from the pinned modules.
//
// It is a module of its own because k8s.io/kubernetes cannot be required without replacing every k8s.io staging module,
// and such replacements have no place in the module that users import.
package controlplane
