package signer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MountTokenFile is a file that may lie beside the keys: a ServiceAccount token of any audience, which the kubelet renews
// in the same volume. Nobody is shown it, and it is good for nothing but its expiry. While the mount works it never expires;
// once it has, the kubelet no longer brings what the operator writes, and what is held may be what others have removed.
//
// An operator that is down does not look like that: the keys stand still then, and the token goes on being renewed.
const MountTokenFile = "mount-token"

// mount knows until when the directory is known to be kept up to date. It is safe for concurrent use.
type mount struct {
	// until is in seconds since 1970; 0: nothing says when.
	until atomic.Int64

	// problem and wasStuck are what was logged last; they belong to Signer.Load.
	problem  string
	wasStuck bool
}

// stuck reports whether changes of the Secret no longer arrive.
func (m *mount) stuck(now time.Time) bool {
	until := m.until.Load()
	return until != 0 && now.Unix() >= until
}

// watchMount reads the token that tells whether the mount works. Where there is none, nothing can tell.
func (s *Signer) watchMount() error {
	err := s.readMountToken()
	known := s.mount.problem
	s.mount.problem = ""
	if err != nil {
		s.mount.problem = err.Error()
	}
	if err != nil && s.mount.problem != known {
		s.deps.Log.Error("Cannot read the token that tells whether the mount works", "file", MountTokenFile, "err", s.mount.problem)
	}
	switch stuck := s.mount.stuck(s.deps.Clock.Now()); {
	case stuck && !s.mount.wasStuck:
		s.mount.wasStuck = true
		s.deps.Log.Error("The signing keys no longer arrive, nothing is signed until they do: look at the node's kubelet, "+
			"or delete this pod", "file", MountTokenFile, "expired", time.Unix(s.mount.until.Load(), 0).UTC())
	case !stuck && s.mount.wasStuck:
		s.mount.wasStuck = false
		s.deps.Log.Info("The signing keys arrive again")
	}
	return err
}

func (s *Signer) readMountToken() error {
	text, err := os.ReadFile(filepath.Join(s.deps.Dir, MountTokenFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var claims jwt.RegisteredClaims
	// Who can write into the directory could write keys, too: there is nothing to be won by verifying.
	if _, _, err := jwt.NewParser().ParseUnverified(strings.TrimSpace(string(text)), &claims); err != nil || claims.ExpiresAt == nil {
		return fmt.Errorf("%s is no token that expires", MountTokenFile) // the cause could quote it
	}
	s.mount.until.Store(claims.ExpiresAt.Unix())
	return nil
}
