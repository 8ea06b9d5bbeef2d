// Package credentials owns the life of a credential: it issues, delivers, rotates, repairs, revokes and removes the client
// credentials of each version of an Application, in the version's Secret (the plaintext) and in the Application's status (the
// SHA-256).
//
// A credential is issued, by whatever cause, in three writes, each with an optimistic lock:
//
//  1. status: a verifier (id, SHA-256, time of issue). From here on the token server accepts the secret.
//  2. Secret: created, or updated with its UID and resourceVersion.
//  3. status: delivered; the one before it gets the time at which it ends.
//
// The token server accepts a secret before any pod can have it, so no pod holds one that is refused. Whatever crash comes
// between two writes, status and Secret together tell how far it came: plan.go reads that, and is pure.
//
// What is revoked leaves status in the first write, with the time of it, before any Secret is touched; from then on a Secret
// that status does not know is never believed.
//
// What else stands on Secrets is not part of that order: the labels and annotations of credentialPolicy.secretTemplate
// (template.go), and the second Secret of a Service Binding (binding.go), which is written after the version's own and never
// read. How a Secret gets another name is in moved.go.
//
// It knows nothing of tenants, levels or grants, and decides no token. The application controller calls it, and makes the
// third write with the rest of the status.
package credentials
