package workload

import "strings"

// subjectPrefix begins the subject of every ServiceAccount token.
const subjectPrefix = "system:serviceaccount:"

// defaultServiceAccount is the ServiceAccount of every pod that names none, and therefore nobody's.
const defaultServiceAccount = "default"

// Identity is a ServiceAccount that a token of its own proved. The zero value is nobody.
type Identity struct {
	// Namespace, Name and UID are the ServiceAccount's. It may be gone since the token was issued: nobody asked.
	Namespace, Name, UID string
	// Pod and Node are what the token is bound to; empty where it is not.
	Pod, Node Object
	// TokenID is the token's jti, by which the API server's audit log knows it, too. A cluster before 1.32 gives none.
	TokenID string
}

// Object is an object of the cluster, by name and by UID.
type Object struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// bound is the claim kubernetes.io of a ServiceAccount's token.
type bound struct {
	Namespace      string `json:"namespace"`
	ServiceAccount Object `json:"serviceaccount"`
	Pod            Object `json:"pod"`
	Node           Object `json:"node"`
}

// identity returns whom the claims name, or why they name nobody. Subject and claim say the same twice, and must.
func (c *claims) identity() (Identity, error) {
	rest, found := strings.CutPrefix(c.Subject, subjectPrefix)
	namespace, name, separated := strings.Cut(rest, ":")
	account := c.Kubernetes.ServiceAccount
	switch {
	case !found || !separated || namespace == "" || name == "" || strings.Contains(name, ":"):
		return Identity{}, WrongSubject
	case namespace != c.Kubernetes.Namespace || name != account.Name || account.UID == "":
		return Identity{}, Contradictory
	}
	return Identity{
		Namespace: namespace, Name: name, UID: account.UID, Pod: c.Kubernetes.Pod, Node: c.Kubernetes.Node, TokenID: c.ID,
	}, nil
}
