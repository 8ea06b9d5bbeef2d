package directory

import (
	"context"
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// server answers lists with one resourceVersion and watches with the given events, and keeps what it was asked for.
type server struct {
	dynamic.ResourceInterface
	resourceVersion string
	events          []watch.Event
	err             error
	asked           []metav1.ListOptions
}

func (s *server) List(_ context.Context, options metav1.ListOptions) (*unstructured.UnstructuredList, error) {
	s.asked = append(s.asked, options)
	list := &unstructured.UnstructuredList{}
	list.SetResourceVersion(s.resourceVersion)
	return list, s.err
}

func (s *server) Watch(_ context.Context, options metav1.ListOptions) (watch.Interface, error) {
	s.asked = append(s.asked, options)
	events := watch.NewFakeWithChanSize(len(s.events), false)
	for _, event := range s.events {
		events.Action(event.Type, event.Object)
	}
	events.Stop() // ended by the API server, after these
	return events, s.err
}

func eventAt(kind watch.EventType, resourceVersion string) watch.Event {
	object := &unstructured.Unstructured{}
	object.SetResourceVersion(resourceVersion)
	return watch.Event{Type: kind, Object: object}
}

func TestARequestForAllObjectsIsAlwaysAConsistentOne(t *testing.T) {
	w := newWorld(t)
	api := &server{}
	requests := w.feeds[0].listWatch(api)
	for _, resourceVersion := range []string{"", "0", "17"} {
		if _, err := requests.ListWithContext(t.Context(), metav1.ListOptions{ResourceVersion: resourceVersion}); err != nil {
			t.Fatal(err)
		}
		_, err := requests.WatchWithContext(t.Context(), metav1.ListOptions{
			ResourceVersion:      resourceVersion,
			ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
			SendInitialEvents:    new(true),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, options := range api.asked {
		if options.ResourceVersion != "" {
			t.Errorf("asked for what is at %q", options.ResourceVersion)
		}
	}
	if _, err := requests.WatchWithContext(t.Context(), metav1.ListOptions{ResourceVersion: "17"}); err != nil {
		t.Fatal(err)
	}
	if last := api.asked[len(api.asked)-1]; last.ResourceVersion != "17" {
		t.Errorf("a watch that goes on at 17 was opened at %q", last.ResourceVersion)
	}
}

func TestAProbeProvesWhatItHeard(t *testing.T) {
	cases := map[string]struct {
		api   server
		fresh bool
		fails bool
	}{
		"a list where the watch is":            {api: server{resourceVersion: "10"}, fresh: true},
		"silence up to the list":               {api: server{resourceVersion: "15", events: []watch.Event{eventAt(watch.Bookmark, "15")}}, fresh: true},
		"silence that ends before the list":    {api: server{resourceVersion: "15", events: []watch.Event{eventAt(watch.Bookmark, "14")}}},
		"an event that the watch has not seen": {api: server{resourceVersion: "15", events: []watch.Event{eventAt(watch.Deleted, "15"), eventAt(watch.Bookmark, "15")}}},
		"a watch that ends before a bookmark":  {api: server{resourceVersion: "15"}},
		"an error instead of an event":         {api: server{resourceVersion: "15", events: []watch.Event{{Type: watch.Error, Object: &metav1.Status{}}}}},
		"no answer":                            {api: server{resourceVersion: "10", err: errors.New("no answer")}, fails: true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			feed := w.feeds[0]
			feed.view.open(w.clock.Now())
			must(t, feed.store.Replace(nil, "10"))
			w.clock.SetTime(at(60))
			if err := feed.prove(t.Context(), &c.api); (err != nil) != c.fails {
				t.Errorf("got error %v", err)
			}
			want := epoch
			if c.fresh {
				want = at(60)
			}
			if got, ok := feed.view.asOf(); !ok || !got.Equal(want) {
				t.Errorf("fresh as of %s, want %s", got, want)
			}
		})
	}
}
