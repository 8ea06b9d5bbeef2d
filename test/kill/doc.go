// Package kill ends operators, by SIGKILL at drawn points of their work and in every way in which a platform ends one, while
// clients that have secrets look at what it means for them. The operator is the real program; what lies between it and the API
// server is a line that counts its writes, so that it can be killed between any two of them. It has tests alone.
package kill
