// Package workloads owns how workloads follow their credentials: after each rotation of a version the pod templates that
// it lists get the new credential's id, an id and never a time, so that they roll once and not again.
//
// It knows no secret and rotates nothing. The reconciler of Applications calls it after the credentials are in order.
package workloads
