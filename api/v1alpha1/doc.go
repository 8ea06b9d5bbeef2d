// Package v1alpha1 is the contract of Countersign: the five kinds in which platform operators, application
// administrators and tenant administrators say who may do what, and the conditions in which Countersign answers.
//
// It depends on apimachinery alone. What the kinds mean together, the decision whether a token may be had, is in
// package access.
//
// +kubebuilder:object:generate=true
// +groupName=countersign.dev
package v1alpha1
