package signingkeys

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"countersign.dev/api/v1alpha1"
	"countersign.dev/internal/keyset"
)

// reason of an event on the Secret. Reasons are API; docs/signing-keys.md lists them.
type reason string

const (
	reasonPublished    reason = "SigningKeyPublished"
	reasonScheduled    reason = "SigningKeyScheduled"
	reasonSigns        reason = "SigningKeySignsAtOnce"
	reasonRetires      reason = "SigningKeyRetires"
	reasonRemoved      reason = "SigningKeyRemoved"
	reasonRemovedEarly reason = "SigningKeyRemovedAtOnce"
	reasonReplaced     reason = "SigningKeyReplaced"
	reasonWaits        reason = "SigningKeyRotationWaits"
	reasonNotFound     reason = "SigningKeyNotFound"
	reasonBroken       reason = "SigningKeysBroken"
)

// actionPrefix begins the action of an event, which events.k8s.io wants beside the reason. What it is about follows: events
// that agree in reason and action are made one, with the note of the first, and each key's matter.
const actionPrefix = "Rotate "

// step is something that was done to a set, or could not be, as people are told of it.
type step struct {
	reason reason
	// about is the key, or whatever it is about.
	about string
	// kind is corev1.EventTypeNormal or EventTypeWarning.
	kind string
	note string
}

func normal(reason reason, about, format string, args ...any) step {
	return step{reason, about, corev1.EventTypeNormal, fmt.Sprintf(format, args...)}
}

func warning(reason reason, about, format string, args ...any) step {
	return step{reason, about, corev1.EventTypeWarning, fmt.Sprintf(format, args...)}
}

func published(key keyset.Key) step {
	return normal(reasonPublished, key.ID, "key %s for %s is published; it signs nothing yet", key.ID, key.Algorithm)
}

func takesOver(next, signing keyset.Key) step {
	return normal(reasonScheduled, next.ID, "key %s signs from %s on, when key %s stops", next.ID, stamp(next.SignFrom), signing.ID)
}

func signsAtOnce(key keyset.Key) step {
	return normal(reasonSigns, key.ID, "key %s for %s signs from now on", key.ID, key.Algorithm)
}

func retires(key keyset.Key) step {
	return normal(reasonRetires, key.ID, "key %s signs until %s and stays published until %s, when its last token has expired",
		key.ID, stamp(key.SignUntil), stamp(key.RemoveAt))
}

func removed(key keyset.Key) step {
	return normal(reasonRemoved, key.ID, "key %s is removed: its last token has expired", key.ID)
}

func removedAtOnce(key keyset.Key) step {
	return warning(reasonRemovedEarly, key.ID, "key %s is removed at once, as %s says: tokens that it signed stop verifying as "+
		"verifiers ask for keys again", key.ID, v1alpha1.AnnotationRemoveKey)
}

func replaced(key keyset.Key, algorithm keyset.Algorithm) step {
	return normal(reasonReplaced, key.ID, "key %s is for %s and never signed; one for %s takes its place", key.ID, key.Algorithm, algorithm)
}

func waits(rotation string, room time.Time) step {
	until := "when the first of them is removed"
	if !room.IsZero() {
		until = "at " + stamp(room)
	}
	return warning(reasonWaits, rotation, "rotation %q waits: a set holds %d keys at most, and there is room for the next one %s",
		rotation, keyset.MaxKeys, until)
}

func notFound(id string) step {
	if len(id) > maxWord {
		id = id[:maxWord] + "…" // it can be anything; an event's fields are short
	}
	return warning(reasonNotFound, id, "%s names %q, and no key is called so", v1alpha1.AnnotationRemoveKey, id)
}

func broken(about, format string, args ...any) step {
	return warning(reasonBroken, about, format, args...)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
