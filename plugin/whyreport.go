package plugin

import (
	"fmt"
	"io"
	"strings"

	"countersign.dev/access"
	"countersign.dev/api/v1alpha1"
	"countersign.dev/plugin/live"
)

// whyReport is what why answers; as JSON and YAML it is as it stands here.
type whyReport struct {
	Application string       `json:"application"`
	Tenant      string       `json:"tenant"`
	Verdict     live.Verdict `json:"verdict"`
	Versions    []whyVersion `json:"versions"`
	// Operator is what the operator says in conditions, where something could not be looked at.
	Operator []whySaid `json:"operator,omitempty"`
}

// whyVersion is the decision on one version.
type whyVersion struct {
	Version string       `json:"version"`
	Verdict live.Verdict `json:"verdict"`
	// Reason and Message are the decision's; empty where the verdict is Unknown.
	Reason   v1alpha1.Reason `json:"reason,omitempty"`
	Message  string          `json:"message,omitempty"`
	Audience string          `json:"audience,omitempty"`
	Scopes   access.Scopes   `json:"scopes,omitempty"`
	// Possible is what the host's side allows the version, Granted what the tenant's grant lists, Exceeding what of the former
	// is missing in the latter: set where the two differ in the version's disfavour.
	Possible  access.Scopes `json:"possible,omitempty"`
	Granted   access.Scopes `json:"granted,omitempty"`
	Exceeding access.Scopes `json:"exceeding,omitempty"`
	Links     []whyLink     `json:"links"`
}

// whyLink is one link of the chain.
type whyLink struct {
	Says   string           `json:"says"`
	State  access.LinkState `json:"state"`
	Object string           `json:"object,omitempty"`
	Field  string           `json:"field,omitempty"`
	Found  string           `json:"found,omitempty"`
	Needs  []string         `json:"needs,omitempty"`
}

// whySaid is a condition.
type whySaid struct {
	Object  string `json:"object"`
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Stale   bool   `json:"stale,omitempty"`
	// OwnData says that it is about the host's own data, and no other tenant's.
	OwnData bool `json:"ownData,omitempty"`
}

func newWhyReport(sight *live.Sight, tenant string) *whyReport {
	r := &whyReport{
		Application: reference{host: sight.Host, application: sight.Name()}.String(), Tenant: tenant, Verdict: live.No,
	}
	for _, answer := range sight.Answers() {
		version := newWhyVersion(&answer, sight)
		r.Versions = append(r.Versions, version)
		if version.Verdict == live.Yes || version.Verdict == live.Unknown && r.Verdict != live.Yes {
			r.Verdict = version.Verdict
		}
	}
	if r.Verdict != live.Unknown {
		return r
	}
	r.Verdict = sight.SaidVerdict()
	for _, said := range sight.Said() {
		r.Operator = append(r.Operator, whySaid{
			said.Object, said.Condition.Type, string(said.Condition.Status), said.Condition.Reason, said.Condition.Message, said.Stale,
			said.OwnData,
		})
	}
	return r
}

func newWhyVersion(a *live.Answer, sight *live.Sight) whyVersion {
	v := whyVersion{Version: a.Version, Verdict: a.Verdict}
	seen := true // what the scopes rest on
	for _, link := range a.Links {
		if link.Link == access.LinkScopes {
			seen = len(link.Needs) == 0
		}
		v.Links = append(v.Links, newWhyLink(&link))
	}
	d := &a.Decision
	if a.Verdict != live.Unknown {
		v.Reason, v.Message = d.Reason, whatToDo(d, sight)
	}
	if !seen {
		return v
	}
	v.Audience = d.Audience
	if a.Verdict == live.Yes {
		v.Scopes = d.Scopes
	}
	if exceeding := d.Exceeding(); len(exceeding) > 0 {
		v.Possible, v.Granted, v.Exceeding = d.Possible, d.Grant.Scopes, exceeding
		if d.Granted() {
			v.Reason = v1alpha1.ReasonAccessExceedsGrant
		}
	}
	return v
}

func newWhyLink(link *live.Link) whyLink {
	l := whyLink{Says: link.Says, State: link.State, Object: link.Object, Field: link.Field, Found: link.Found}
	for _, need := range link.Needs {
		l.Needs = append(l.Needs, need.String())
	}
	if link.State == live.StateNotSeen {
		l.Object, l.Field = "", ""
	}
	return l
}

// marks are what a link begins with for people.
var marks = map[access.LinkState]string{
	access.LinkHolds: "✓", access.LinkBroken: "✗", access.LinkUnknown: "·", access.LinkNotNeeded: "-", live.StateNotSeen: "?",
}

// print writes the report for people.
func (r *whyReport) print(w io.Writer) error {
	var text strings.Builder
	for i := range r.Versions {
		if i > 0 {
			text.WriteByte('\n')
		}
		r.Versions[i].write(&text, r)
	}
	if len(r.Operator) > 0 {
		text.WriteString("\nWhat could not be looked at, the operator sees. It says:\n")
		for _, said := range r.Operator {
			said.write(&text)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (v *whyVersion) write(text *strings.Builder, r *whyReport) {
	fmt.Fprintf(text, "%s, for tenant %s: %s\n", strings.TrimSuffix(r.Application+"@"+v.Version, "@"), r.Tenant, v.headline(r))
	for i := range v.Links {
		v.Links[i].write(text)
	}
	if v.Verdict == live.No {
		fmt.Fprintf(text, "What to do: %s\n", v.Message)
	}
	if len(v.Exceeding) > 0 {
		narrowed := "tokens are narrowed to what both have"
		if v.Reason == v1alpha1.ReasonNothingInCommon {
			narrowed = "the two have nothing in common"
		}
		fmt.Fprintf(text, "The version has more access than the grant lists, and %s:\n"+
			"  the version can have  %s\n  the grant lists       %s\n  missing in the grant  %s\n",
			narrowed, strings.Join(v.Possible, " "), strings.Join(v.Granted, " "), strings.Join(v.Exceeding, " "))
	}
}

func (v *whyVersion) headline(r *whyReport) string {
	switch v.Verdict {
	case live.Yes:
		return fmt.Sprintf("a token can be had (%s) with %s", v.Reason, strings.Join(v.Scopes, " "))
	case live.No:
		return fmt.Sprintf("no token can be had (%s)", v.Reason)
	}
	switch {
	case r.Verdict == live.No:
		return "no token can be had, as the operator says" + r.saidReason("False")
	case r.Verdict == live.Yes && len(r.Versions) == 1:
		return "a token can be had, as the operator says" + r.saidReason("True")
	}
	return "not known: nothing is broken that you may look at"
}

// saidReason is the reason of the condition that decided.
func (r *whyReport) saidReason(status string) string {
	for i := range r.Operator {
		said := &r.Operator[i]
		if said.Type == string(v1alpha1.ConditionEffective) && said.Status == status && !said.Stale {
			return " (" + said.Reason + ")"
		}
	}
	return ""
}

func (l *whyLink) write(text *strings.Builder) {
	line := "  " + marks[l.State] + " " + l.Says
	switch {
	case l.State == live.StateNotSeen:
		line += ": could not look: needs " + strings.Join(l.Needs, ", ")
	case l.State == access.LinkNotNeeded:
		line += ": not needed for the host's own data"
	case l.State == access.LinkHolds && l.Found != "":
		line += ": " + l.Found
	case l.State == access.LinkBroken:
		line += ": no" + l.where()
	}
	text.WriteString(line + "\n")
}

func (l *whyLink) where() string {
	text := ""
	if l.Found != "" {
		text = ": " + l.Found
	}
	if l.Object == "" {
		return text
	}
	text += " (" + l.Object
	if l.Field != "" {
		text += ", " + l.Field
	}
	return text + ")"
}

func (s *whySaid) write(text *strings.Builder) {
	about := ""
	if s.OwnData {
		about = " for the host's own data"
	}
	if s.Stale {
		about += " (before the object's last change)"
	}
	fmt.Fprintf(text, "  %s: %s=%s%s, %s: %s\n", s.Object, s.Type, s.Status, about, s.Reason, s.Message)
}
