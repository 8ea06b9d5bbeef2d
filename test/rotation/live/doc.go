// Package live watches signing keys rotate in running programs, on a schedule of seconds, through clients that keep keys for as
// long as they may. It has tests alone; a year of the same, by a fake clock, is in the package above.
package live
