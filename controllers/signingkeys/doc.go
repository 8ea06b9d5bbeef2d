// Package signingkeys owns the Secret with the signing keys in Countersign's namespace: it creates what is missing in it and
// never changes what is there. A kubelet brings it to the token server as files.
//
// It can make keys and cannot use them: there is no JWT code here, and no other Secret in its cache. cmd/operator calls
// Setup.
package signingkeys
