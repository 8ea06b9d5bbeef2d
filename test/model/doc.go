// Package model plays random histories on the running programs and holds every token against a reference model: a second,
// slow and plain writing of the decision, which knows nothing of the first. It has tests alone.
package model
