// Package signingkeys owns the Secret with the signing keys in Countersign's namespace: it creates what is missing in it,
// takes each key through its life (published, signing, retired, gone) by absolute times, and does what people ask for by
// annotations. A kubelet brings the Secret to the token server as files.
//
// It can make keys and cannot use them: there is no JWT code here, and no other Secret in its cache. cmd/operator calls
// Setup.
package signingkeys
