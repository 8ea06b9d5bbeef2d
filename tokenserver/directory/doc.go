// Package directory owns the token server's view of the cluster: it watches the five kinds and answers which client a
// secret belongs to, what the decision is, and how old the view is. The rest of the token server asks it and sees no other
// part of Kubernetes.
//
// It knows neither HTTP nor tokens, signs nothing, and writes nothing to the API server. The rules of the decision are in
// package access, for which it is the Facts.
//
// It holds facts, not objects: what a decision needs of each. It is level-based: an event makes it compute that object's
// entry anew from the object alone, so that an event that comes twice, or out of order with those of other objects, cannot
// make it drift. Each kind has one writer, the goroutine of its watch; readers take no lock and never wait for a writer.
package directory
