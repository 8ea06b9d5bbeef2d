// Package certificate owns the certificate by which the API server knows the injector. Each replica makes one for itself,
// self-signed and short-lived, whose key never leaves its memory, and adds it to the caBundle of the webhook's
// configuration: so there is no Secret with a key, and no CA that could sign for others.
//
// It knows nothing of pods and applications. cmd/injector calls it where no certificate is given.
package certificate
