package credentials

import (
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// firstWait is how long a Secret that the API server has refused, as a quota or an admission policy makes it, is left alone;
	// each further time it is twice as long.
	firstWait = time.Second
	// longestWait is how long that becomes.
	longestWait = 2 * time.Minute
)

// refusals remembers which Secrets could not be written. Each trial writes status, which wakes the next one past all back-off
// of the queue. It is forgotten in a restart.
type refusals struct {
	mu sync.Mutex
	of map[types.NamespacedName]refusal
}

type refusal struct {
	times int
	last  time.Time
	why   error
}

func newRefusals() *refusals { return &refusals{of: map[types.NamespacedName]refusal{}} }

// until is when the Secret may be written again, and why it could not be. Zero: now.
func (r *refusals) until(secret types.NamespacedName, now time.Time) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	past, found := r.of[secret]
	if !found || past.last.After(now) { // or the clock went back
		return time.Time{}, nil
	}
	if until := past.until(); now.Before(until) {
		return until, past.why
	}
	return time.Time{}, nil
}

func (r refusal) until() time.Time {
	return r.last.Add(min(firstWait<<min(r.times-1, 10), longestWait))
}

// note says what came of a write, and returns until when there is to be no other. Zero: there may be one at once, as after a
// Conflict, which is a race and no refusal.
func (r *refusals) note(secret types.NamespacedName, err error, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		delete(r.of, secret)
		return time.Time{}
	}
	maps.DeleteFunc(r.of, func(_ types.NamespacedName, old refusal) bool { return now.Sub(old.last) > time.Hour })
	past := refusal{times: r.of[secret].times + 1, last: now, why: err}
	r.of[secret] = past
	return past.until()
}

// isRefusal reports whether the API server has said no, so that nothing was written. After any other error nobody knows.
func isRefusal(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	switch code := status.Status().Code; code {
	case http.StatusConflict, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return code >= 400 && code < 500
	}
}

// forget drops what is known of a Secret that nobody wants any more.
func (r *refusals) forget(secret types.NamespacedName) { r.note(secret, nil, time.Time{}) }
