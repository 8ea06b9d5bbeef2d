package model

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"countersign.dev/api/v1alpha1"
)

const (
	// markHost and markUser are the marker's tenants and their namespaces; everything else of it is called mark.
	markHost, markUser, mark = "mark-host", "mark-user", "mark"
	markVersion              = "1.0.0"
	markAudience             = "https://mark.example.com"
	// patience is how long what was written may take to arrive, on a machine that has other things to do, and pause how long
	// nobody asks again.
	patience, pause = 60 * time.Second, 20 * time.Millisecond
)

// passMarker returns when the token server has seen all that was written before.
//
// The marker is an object of each kind that is written after the last step: its Application is offered to the tenant with today's
// label alone, and level, catalogue and grant have today's scope alone. So a token with that scope for that tenant says that
// the token server has seen the last write of all five kinds; and so all that were before, for a watch delivers in order. Then
// every refusal has to be there at once: no second try is needed, and none is made.
func (h *history) passMarker() {
	h.Helper()
	h.marked++
	if h.marked == 1 {
		h.firstMarker()
	}
	for _, object := range h.markers() {
		h.must(platform.Patch(h.ctx, object, client.Merge))
	}
	today := v1alpha1.Scope(h.today())
	h.await("the token server sees the marker of "+h.today(), func() []string {
		for one := range h.credentials() {
			if one.namespace != markHost {
				continue
			}
			answer := h.ask(one, []string{markUser}, "", "")
			if got, ok := answer.tokens[markUser]; ok && len(got.scopes) == 1 && got.scopes[0] == today {
				return nil
			}
			return []string{fmt.Sprintf("the last answer: %+v", answer)}
		}
		return []string{"the marker's Secret is not there"}
	})
}

func (h *history) today() string { return fmt.Sprintf("mark:%d", h.marked) }

// firstMarker makes the marker's objects. The grant comes last, for it needs the Application's UID.
func (h *history) firstMarker() {
	h.Helper()
	objects := []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: markHost}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: markUser}},
		&v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: markHost},
			Spec: v1alpha1.TenantSpec{
				Namespace: markHost, Hosting: &v1alpha1.Hosting{Stage: v1alpha1.HostingProduction, Levels: []string{mark}},
			},
		},
	}
	for _, object := range append(objects, h.markers()[:4]...) {
		h.must(platform.Create(h.ctx, object))
		h.markUID = object.GetUID()
	}
	h.must(platform.Create(h.ctx, h.markers()[4]))
}

// markers are the marker's objects as they have to be today, the grant behind the Application.
func (h *history) markers() []client.Object {
	scopes := []v1alpha1.Scope{v1alpha1.Scope(h.today())}
	day := map[string]string{"day": fmt.Sprint(h.marked)}
	return []client.Object{
		&v1alpha1.Tenant{
			ObjectMeta: metav1.ObjectMeta{Name: markUser, Labels: day}, Spec: v1alpha1.TenantSpec{Namespace: markUser},
		},
		&v1alpha1.ResourceServer{
			ObjectMeta: metav1.ObjectMeta{Name: mark}, Spec: v1alpha1.ResourceServerSpec{Audience: markAudience, Scopes: scopes},
		},
		&v1alpha1.AccessLevel{ObjectMeta: metav1.ObjectMeta{Name: mark}, Spec: v1alpha1.AccessLevelSpec{Scopes: scopes}},
		&v1alpha1.Application{
			ObjectMeta: metav1.ObjectMeta{Namespace: markHost, Name: mark},
			Spec: v1alpha1.ApplicationSpec{
				ResourceServers: []string{mark},
				Offer:           &v1alpha1.Offer{TenantSelector: &metav1.LabelSelector{MatchLabels: day}},
				Versions:        []v1alpha1.ApplicationVersion{{Version: markVersion, Access: &v1alpha1.Access{Level: mark}}},
			},
		},
		&v1alpha1.TenantGrant{
			ObjectMeta: metav1.ObjectMeta{Namespace: markUser, Name: markHost + "." + mark},
			Spec: v1alpha1.TenantGrantSpec{
				Tenant:      markUser,
				Application: v1alpha1.ApplicationReference{HostTenant: markHost, Name: mark, UID: h.markUID},
				Scopes:      scopes,
			},
		},
	}
}

// await asks again and again until there is nothing left to wait for.
func (h *history) await(what string, left func() []string) {
	h.Helper()
	limit := time.Now().Add(patience)
	for {
		problems := left()
		if len(problems) == 0 {
			return
		}
		if time.Now().After(limit) {
			h.fail(append([]string{"not within " + patience.String() + ": " + what}, problems...)...)
		}
		time.Sleep(pause)
	}
}
