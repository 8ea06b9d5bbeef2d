package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

// finalizer is somebody else's, who holds what is deleted.
const finalizer = "example.com/hold"

// history is what happened so far.
type history struct {
	*testing.T
	draw
	ctx   context.Context
	lines []string
	// marked is how often the marker was moved, and markUID that of its Application.
	marked  int
	markUID types.UID
	// seen are all credentials that ever stood in a Secret. Those of versions that were revoked are buried, once that has
	// arrived.
	seen, buried map[credential]bool
	// tally counts the answers of the last comparison, total those of all.
	tally
	total tally
}

// tally is how many tokens there were, and refusals.
type tally struct{ allowed, refused int }

// begin makes the namespaces and one of everything, as it should be.
func (h *history) begin() {
	h.Helper()
	h.gentle = true
	defer func() { h.gentle = false }()
	for i := range tenants {
		h.must(platform.Create(h.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespaceName(i)}}))
	}
	for i := range someLevels {
		h.create(h.level(i))
	}
	for i := range someServers {
		h.create(h.server(i))
	}
	for i := range tenants {
		h.create(h.tenant(i))
	}
	for _, s := range slots {
		h.create(h.application(s))
	}
	for i := range tenants {
		for _, s := range slots {
			h.visitGrant(i, s)
		}
	}
}

// step does one thing to one object: it makes one that is not there, and changes, deletes or lets go one that is.
func (h *history) step() {
	h.Helper()
	switch n := h.IntN(100); {
	case n < 20:
		i := h.IntN(tenants)
		h.visit(&v1alpha1.Tenant{ObjectMeta: metav1.ObjectMeta{Name: tenantName(i)}}, func() client.Object { return h.tenant(i) })
	case n < 26:
		i := h.IntN(len(someServers))
		h.visit(&v1alpha1.ResourceServer{ObjectMeta: metav1.ObjectMeta{Name: someServers[i]}}, func() client.Object { return h.server(i) })
	case n < 34:
		i := h.IntN(len(someLevels))
		h.visit(&v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: someLevels[i]}}, func() client.Object { return h.level(i) })
	case n < 60:
		s := oneOf(h.draw, slots)
		h.visit(placeOf(s), func() client.Object { return h.application(s) })
	case n < 72:
		h.transfer()
	default:
		h.visitGrant(h.IntN(tenants), oneOf(h.draw, slots))
	}
}

func placeOf(s slot) *v1alpha1.Application {
	return &v1alpha1.Application{ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(s.home), Name: s.name}}
}

// visitGrant visits the grant of a namespace for the application that is in the slot. Where that was created again, or the grant
// was given to somebody else, it is often given anew to the one that is there.
func (h *history) visitGrant(namespace int, s slot) {
	h.Helper()
	app := placeOf(s)
	h.must(client.IgnoreNotFound(platform.Get(h.ctx, client.ObjectKeyFromObject(app), app)))
	grant := &v1alpha1.TenantGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespaceName(namespace), Name: tenantName(s.home) + "." + s.name},
	}
	err := platform.Get(h.ctx, client.ObjectKeyFromObject(grant), grant)
	h.must(client.IgnoreNotFound(err))
	if err == nil && app.UID != "" && grant.Spec.Application.UID != app.UID && !h.rarely(3) {
		h.edited("give again", grant, func() { grant.Spec.Application.UID = app.UID })
		return
	}
	h.visit(grant, func() client.Object { return h.grant(namespace, s, app.UID) })
}

// visit does something to the object of that name.
func (h *history) visit(object client.Object, fresh func() client.Object) {
	h.Helper()
	err := platform.Get(h.ctx, client.ObjectKeyFromObject(object), object)
	h.must(client.IgnoreNotFound(err))
	switch {
	case err != nil:
		h.create(fresh())
	case len(object.GetFinalizers()) > 0 && object.GetDeletionTimestamp() != nil && !h.rarely(3):
		h.edited("let go", object, func() { object.SetFinalizers(nil) })
	case object.GetDeletionTimestamp() == nil && h.rarely(5):
		if h.rarely(2) {
			h.edited("hold", object, func() { object.SetFinalizers([]string{finalizer}) })
		}
		h.say("delete", object)
		h.must(platform.Delete(h.ctx, object))
	default:
		h.edited("edit", object, func() { h.edit(object) })
	}
}

// transfer says the two halves of a transfer, or those of a circle, or of one to itself; or one half is taken back.
func (h *history) transfer() {
	h.Helper()
	from, to := oneOf(h.draw, slots), oneOf(h.draw, slots)
	halves := [][2]slot{{from, to}}
	if h.rarely(2) {
		halves = append(halves, [2]slot{to, from})
	}
	for _, pair := range halves {
		giver, receiver := placeOf(pair[0]), placeOf(pair[1])
		h.editedIfThere("hand over", giver, func() { giver.Spec.TransferTo = peerOf(pair[1]) })
		if !h.rarely(5) {
			h.editedIfThere("take over", receiver, func() { receiver.Spec.TransferFrom = peerOf(pair[0]) })
		}
	}
}

func (h *history) editedIfThere(verb string, object client.Object, change func()) {
	h.Helper()
	err := platform.Get(h.ctx, client.ObjectKeyFromObject(object), object)
	h.must(client.IgnoreNotFound(err))
	if err == nil {
		h.edited(verb, object, change)
	}
}

func (h *history) create(object client.Object) {
	h.Helper()
	if err := platform.Create(h.ctx, object); !apierrors.IsAlreadyExists(err) {
		h.must(err)
		h.say("create", object)
	}
}

// edited writes an object that was just read: as often as the operator writes its status meanwhile. What is drawn is drawn once.
func (h *history) edited(verb string, object client.Object, change func()) {
	h.Helper()
	change()
	err := platform.Update(h.ctx, object)
	for apierrors.IsConflict(err) {
		current, _ := object.DeepCopyObject().(client.Object)
		h.must(platform.Get(h.ctx, client.ObjectKeyFromObject(object), current))
		object.SetResourceVersion(current.GetResourceVersion())
		err = platform.Update(h.ctx, object)
	}
	h.must(err)
	h.say(verb, object)
}

// say notes what was done, as much of it as a person needs to do the same.
func (h *history) say(verb string, object client.Object) {
	text, err := json.Marshal(object)
	said := struct {
		Metadata struct {
			Labels map[string]string `json:"labels,omitempty"`
		} `json:"metadata"`
		Spec json.RawMessage `json:"spec"`
	}{}
	h.must(errors.Join(err, json.Unmarshal(text, &said)))
	line := fmt.Sprintf("%-10s %s", verb, nameOf(object))
	if verb != "delete" && verb != "let go" && verb != "hold" {
		line += fmt.Sprintf(" %s %v", said.Spec, said.Metadata.Labels)
	}
	h.lines = append(h.lines, line)
}

func nameOf(object client.Object) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1alpha1.")
	return kind + " " + strings.TrimPrefix(client.ObjectKeyFromObject(object).String(), "/")
}

func (h *history) must(err error) {
	h.Helper()
	if err != nil {
		h.fail(err.Error())
	}
}

// fail ends the history with what led to it.
func (h *history) fail(problems ...string) {
	h.Helper()
	h.Fatalf("seed %d:\n%s\n\nthe history, to be played again with -seed=%d:\n%s",
		*seed, strings.Join(problems, "\n"), *seed, strings.Join(h.lines, "\n"))
}
