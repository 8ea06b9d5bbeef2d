// Package live looks at objects with the rights of whoever runs the plugin: it answers access.Facts from the API server, and
// knows of every look that was refused for lack of rights which right it was.
//
// What may not be looked at is never taken for what is not there. Where a decision is asked for all the same, it is made as if
// all that could not be seen permitted: a link that breaks then breaks in truth, and one that rests on what was not seen is
// reported as such.
//
// It decides nothing by itself, writes nothing and prints nothing. Package plugin calls it.
package live
