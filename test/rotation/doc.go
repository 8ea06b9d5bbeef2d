// Package rotation tries the rotation of signing keys with the parts of both programs together: the operator's reconciler and
// the token servers' signers live through a year by a fake clock. It has tests alone.
package rotation
