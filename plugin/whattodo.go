package plugin

import (
	"fmt"
	"slices"
	"strings"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

// whatToDo is the decision's message for somebody who asks about one version and one tenant.
func whatToDo(d *access.Decision, sight *live.Sight) string {
	switch namespace := sight.Namespace(); {
	case d.Reason == v1alpha1.ReasonApplicationNotFound && namespace != "":
		return noApplication(namespace, sight.Name())
	case d.Reason == v1alpha1.ReasonInvalidScope:
		return wantedLess(d)
	}
	return d.Message()
}

// wantedLess says what to do about wanted scopes that cannot be had: whose they are to give.
func wantedLess(d *access.Decision) string {
	text := fmt.Sprintf("%s cannot be had: ask for %s, or for none in particular", strings.Join(d.Missing, " "), strings.Join(d.Scopes, " "))
	var consent, give []string
	for _, scope := range d.Missing {
		if slices.Contains(d.Possible, scope) {
			consent = append(consent, scope)
		} else {
			give = append(give, scope)
		}
	}
	if len(consent) > 0 && d.Grant != nil {
		text += fmt.Sprintf("; or have %s added to spec.scopes of TenantGrant %s/%s", strings.Join(consent, " "), d.Grant.Namespace, d.Grant.Name)
	}
	if len(give) > 0 {
		text += fmt.Sprintf("; or have %s given to the version, within what the host tenant's levels allow and the audience knows",
			strings.Join(give, " "))
	}
	return text
}
