package main

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/pflag"

	"countersign.dev/controllers/signingkeys"
	"countersign.dev/internal/keyset"
	"countersign.dev/internal/program"
)

// keyOptions are the flags of the signing keys.
type keyOptions struct {
	schedule  signingkeys.Schedule
	algorithm string
}

func defaultKeyOptions() keyOptions {
	return keyOptions{schedule: signingkeys.DefaultSchedule(), algorithm: string(keyset.ES256)}
}

func (o *keyOptions) flags(flags *pflag.FlagSet) {
	flags.DurationVar(&o.schedule.Rotation, "signing-key-rotation", o.schedule.Rotation,
		"how long a key signs before the next one takes over; 0: until somebody asks, by the annotation countersign.dev/rotate")
	flags.DurationVar(&o.schedule.Wait, "signing-key-wait", o.schedule.Wait,
		"time from the publication of a key to its first signature; at least --signing-key-delivery and --jwks-max-age together")
	flags.DurationVar(&o.schedule.Delivery, "signing-key-delivery", o.schedule.Delivery,
		"time that a changed Secret takes to reach every token server: two minutes for a kubelet, and by how much clocks differ")
	flags.DurationVar(&o.schedule.MaxAge, "jwks-max-age", o.schedule.MaxAge,
		"how long verifiers may keep public keys: Cache-Control of /.well-known/jwks.json and /token_keys")
	flags.DurationVar(&o.schedule.Retention, "signing-key-retention", o.schedule.Retention,
		"how long a key stays published after its last signature; at least 1h5m, for tokens that live an hour (less on a loopback issuer)")
	flags.StringVar(&o.algorithm, "signing-algorithm", o.algorithm,
		"ES256, EdDSA or RS256, for the standard face; a change is a rotation. The Insights Hub API has RS256")
}

// check says what to write instead of what cannot be. The issuer is one that was checked.
func (o *keyOptions) check(issuer string) error {
	s := o.schedule
	switch keyset.Algorithm(o.algorithm) {
	case keyset.ES256, keyset.EdDSA, keyset.RS256:
	default:
		return fmt.Errorf("--signing-algorithm %s is none of ES256, EdDSA, RS256", o.algorithm)
	}
	if s.MaxAge < 0 || s.MaxAge%time.Second != 0 {
		return fmt.Errorf("--jwks-max-age %s must be whole seconds, as 5m or 30s", s.MaxAge)
	}
	if s.Delivery < time.Second {
		return fmt.Errorf("--signing-key-delivery %s is too short: token servers read their files once a second", s.Delivery)
	}
	if least := s.Delivery + s.MaxAge; s.Wait < least {
		return fmt.Errorf("--signing-key-wait %s is too short: verifiers would meet tokens of keys that they do not know; at least %s, "+
			"which is --signing-key-delivery %s and --jwks-max-age %s together", s.Wait, least, s.Delivery, s.MaxAge)
	}
	if least, err := leastRetention(issuer); err != nil {
		return err
	} else if s.Retention < least {
		return fmt.Errorf("--signing-key-retention %s is too short: tokens would outlive their key; at least %s", s.Retention, least)
	}
	if s.Rotation < 0 {
		return errors.New("--signing-key-rotation is a time to come, as 720h, or 0 for rotation on demand alone")
	}
	if least := max(s.Wait, s.Retention); s.Rotation != 0 && s.Rotation < least {
		return fmt.Errorf("--signing-key-rotation %s is too short: at least %s, the longer of --signing-key-wait %s and "+
			"--signing-key-retention %s, as a set holds %d keys at most; or 0 for rotation on demand alone",
			s.Rotation, least, s.Wait, s.Retention, keyset.MaxKeys)
	}
	return nil
}

// leastRetention is short where nobody else can be concerned, so that rotations can be watched.
func leastRetention(issuer string) (time.Duration, error) {
	parsed, err := url.Parse(issuer)
	if err != nil {
		return 0, fmt.Errorf("reading --issuer: %w", err)
	}
	if program.Loopback(parsed.Hostname()) {
		return 0, nil
	}
	return signingkeys.MinRetention, nil
}
