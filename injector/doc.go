// Package injector owns what the optional pod injector does: a pod that is labelled with an application and a version gets
// that version's environment variables, each by reference to a key of the version's Secret. It is a mutating admission
// webhook for those who cannot write envFrom into a pod.
//
// It reads Applications and nothing else: it has no verb on Secrets, adds references and never values, and so can show
// nobody a client secret. Who may create the pod may read the Secret by it anyway; the kubelet does the reading.
//
// It does not know who asks. What it says is about names that the asker gives, is no list, and costs the API server a bounded
// number of questions, whoever asks.
//
// It knows nothing of certificates: those are the package below's. cmd/injector ties them.
package injector
