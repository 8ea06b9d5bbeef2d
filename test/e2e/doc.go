// Package e2e has Countersign run where it is meant to: in pods that a kubelet starts from the manifests of config/, as the README
// tells a user to install it, with an application beside it that gets its credentials as the documents say. What only a
// kubelet does is tried here alone: probes and security contexts, Secrets that are mounted and renewed, projected tokens,
// environments, webhooks that are reached by a Service, pods that roll.
//
// The tests have the build tag e2e, since they need root on Linux: `make e2e` runs them, or fails and says why it cannot.
package e2e
