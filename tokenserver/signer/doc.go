// Package signer owns the signing keys: it reads them from a directory, signs bytes with the key whose window is open, and
// publishes the public parts (RFC 7517, and in the shape of the Insights Hub's /token_keys).
//
// It knows no tenants, no claims and no requests. Package token gives it the bytes to sign; the edges publish what it
// offers. The directory is a Secret that a kubelet mounts, or what looks the same: a change arrives by a renamed symbolic
// link, minutes after the Secret's, and all that a reader can rely on is to read again.
package signer
