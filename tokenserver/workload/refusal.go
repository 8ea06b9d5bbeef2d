package workload

// Refusal is why a token proves nobody. Refusals are a closed set and quote nothing of the token, so that they can stand in a
// log; whoever sent the token learns none of them.
type Refusal string

// Error returns the refusal.
func (r Refusal) Error() string { return string(r) }

const (
	// NoKeys is a verifier that has not got the cluster's keys, or has not seen for too long that they still are. It says
	// nothing of the token.
	NoKeys Refusal = "the cluster's keys are not known"

	// Malformed is a text that is no signed JWT, or has a header that must be understood and is not (RFC 7515 section 4.1.11).
	Malformed Refusal = "it is no signed JWT that can be read"
	// UnknownKey is a key id that the cluster does not publish.
	UnknownKey Refusal = "the cluster publishes no such key"
	// WrongAlgorithm is an algorithm other than that of the key.
	WrongAlgorithm Refusal = "its algorithm is not that of the key"
	// WrongSignature is a signature that the key did not make.
	WrongSignature Refusal = "the signature is wrong"
	// WrongIssuer is a token of another cluster.
	WrongIssuer Refusal = "it is of another issuer than the cluster"
	// WrongAudience is a token that is also, or only, for somebody else.
	WrongAudience Refusal = "its audience is not this issuer alone"
	// Expired is a token whose time is over.
	Expired Refusal = "it has expired"
	// NotYetValid is a token whose time has not come.
	NotYetValid Refusal = "it is not valid yet"
	// TooLong is a token that lives longer than an hour, or does not say how long.
	TooLong Refusal = "it lives longer than an hour"
	// WrongSubject is a token of somebody who is no ServiceAccount.
	WrongSubject Refusal = "its subject is no ServiceAccount"
	// Contradictory is a token whose subject and kubernetes.io claim differ.
	Contradictory Refusal = "its subject and its kubernetes.io claim differ"
	// DefaultServiceAccount is a token of the ServiceAccount that every pod has.
	DefaultServiceAccount Refusal = "the ServiceAccount default is every pod's"
)
