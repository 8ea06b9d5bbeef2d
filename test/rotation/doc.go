// Package rotation tries the rotation of signing keys with both programs' parts together: a year by a fake clock, and some
// rotations of the real programs by the real one.
package rotation
