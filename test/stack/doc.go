// Package stack runs all of Countersign on this machine: etcd, kube-apiserver, kube-controller-manager, the operator and the
// token server, each a process of its own on loopback, and ends them again.
//
// It owns what a node would do for them: it gives each program its own identity (the operator and the token server are the
// ServiceAccounts of config/, with the rights that config/rbac gives them and no others), projects the Secret with the
// signing keys to a directory as a kubelet does, notices when a program dies, and leaves neither process nor file behind. It
// knows nothing of tenants, applications and tokens. `make dev`, the demo and the tests of the whole chain call it.
package stack
