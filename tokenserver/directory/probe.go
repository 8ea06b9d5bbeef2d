package directory

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

const (
	// probeInterval is the time between two proofs of freshness.
	probeInterval = 15 * time.Second
	// probeTimeout bounds one proof, so that an answer that never comes does not hold up the next one.
	probeTimeout = 10 * time.Second
	// quietSeconds is how long the watch that looks for silence lives. An API server sends a bookmark two seconds before the
	// end of a watch, and looks once a second which bookmarks are due.
	quietSeconds = 3
)

// probe proves again and again how fresh the view is. The first proof is the watch's own beginning.
func (f *feed) probe(ctx context.Context, client dynamic.ResourceInterface) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.clock.After(probeInterval):
		}
		if err := f.prove(ctx, client); err != nil && ctx.Err() == nil {
			f.log.Warn("Cannot prove that the view is fresh", "err", err)
		}
	}
}

// prove makes one consistent list and, where the watch has not come that far, looks whether it missed anything.
//
// In a cluster where other kinds change, the list is always ahead of a watch of a kind that does not: that one hears of it by
// a bookmark only, about once a minute. Waiting for it would make the view look up to 80 s old while all is well.
func (f *feed) prove(ctx context.Context, client dynamic.ResourceInterface) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	start := f.clock.Now()
	list, err := client.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return fmt.Errorf("listing: %w", err)
	}
	f.view.listed(start, list.GetResourceVersion())
	position, behind := f.view.behind()
	if !behind {
		return nil
	}
	return f.listen(ctx, client, position)
}

// listen opens a short second watch at the first one's position. When the first that it hears is a bookmark, then nothing
// happened in between, and the first watch is as far as that bookmark. When it is an event, the first watch gets it, too, and
// comes further by itself.
func (f *feed) listen(ctx context.Context, client dynamic.ResourceInterface, position string) error {
	seconds := int64(quietSeconds)
	second, err := client.Watch(ctx, metav1.ListOptions{
		ResourceVersion:     position,
		AllowWatchBookmarks: true,
		TimeoutSeconds:      &seconds,
	})
	if err != nil {
		return fmt.Errorf("watching for silence: %w", err)
	}
	defer second.Stop()
	event := <-second.ResultChan()
	if bookmark, ok := event.Object.(*unstructured.Unstructured); ok && event.Type == watch.Bookmark {
		f.view.quiet(position, bookmark.GetResourceVersion())
	}
	return nil
}
