// Package workload proves who a pod is: it verifies the projected token of a Kubernetes ServiceAccount, offline, by the
// cluster's own keys. It owns those keys: it fetches them from the API server's discovery, in the background, and never while
// somebody waits for an answer.
//
// It knows no tenants, no applications and no requests: what a ServiceAccount may do, whoever asks decides. Package exchange
// calls it for clients and for resource servers that authenticate without a secret.
package workload
