// Package tokenservertest sets up a whole token server for the tests of the packages around it: a real directory that is fed by
// its own watches, real keys, a clock that stands still, and the log at hand. Only the API server is a stand-in, which knows
// lists and watches and no more; the real one has its tests in directory and in test/flow.
//
// It knows no endpoint. Tests alone import it.
package tokenservertest
