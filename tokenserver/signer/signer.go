package signer

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"k8s.io/utils/clock"

	"countersign.dev/internal/keyset"
)

// rereadInterval is how often the files are read again. A kubelet brings changes within a minute or two, and the schedule
// of the keys counts that in: seconds more do not matter.
const rereadInterval = 5 * time.Second

// Types of the two faces' tokens, which stand in the typ header.
const (
	// TypeAccessToken is that of the standard face's (RFC 9068 section 2.1).
	TypeAccessToken = "at+jwt"
	// typeJWT is that of RFC 7519 section 5.1, which clients of the Insights Hub API know.
	typeJWT = "JWT"
)

// Deps is what a Signer needs.
type Deps struct {
	// Dir is the directory with keyset.StandardFile and keyset.InsightsHubFile.
	Dir   string
	Clock clock.WithTicker
	Log   *slog.Logger
}

// Signer holds the signing keys of both faces, which share none (RFC 8725 section 3.12).
type Signer struct {
	deps        Deps
	standard    *Keys
	insightsHub *Keys
}

// New returns a Signer that holds no keys until Load or Run.
func New(deps Deps) *Signer {
	return &Signer{
		deps: deps,
		standard: &Keys{
			file:       keyset.StandardFile,
			tokenType:  TypeAccessToken,
			algorithms: []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256},
			clock:      deps.Clock,
		},
		insightsHub: &Keys{
			file:       keyset.InsightsHubFile,
			tokenType:  typeJWT,
			algorithms: []keyset.Algorithm{keyset.RS256},
			clock:      deps.Clock,
		},
	}
}

// Standard returns the keys of the standard face.
func (s *Signer) Standard() *Keys { return s.standard }

// InsightsHub returns the keys of the Insights Hub API.
func (s *Signer) InsightsHub() *Keys { return s.insightsHub }

// Run reads the keys now and again until the context ends.
func (s *Signer) Run(ctx context.Context) error {
	ticker := s.deps.Clock.NewTicker(rereadInterval)
	defer ticker.Stop()
	for {
		// A problem is in the log, and what was held stays in use; there is nothing else to be done about it here.
		_ = s.Load()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// Load reads both files. One that is missing or broken leaves what is held of it in use, and is returned as an error; it
// is logged when it appears and when it goes, not at each reading. Load is not safe for concurrent use.
func (s *Signer) Load() error {
	return errors.Join(s.load(s.standard), s.load(s.insightsHub))
}

func (s *Signer) load(keys *Keys) error {
	data, err := os.ReadFile(filepath.Join(s.deps.Dir, keys.file))
	changed := false
	if err == nil {
		changed, err = keys.replace(data)
	}
	known := keys.problem
	keys.problem = ""
	if err != nil {
		keys.problem = err.Error()
	}
	switch {
	case err != nil && keys.problem != known:
		s.deps.Log.Error("Cannot read signing keys, those held stay in use", "file", keys.file, "err", keys.problem)
	case err == nil && (changed || known != ""):
		s.deps.Log.Info("Read signing keys", "file", keys.file, "kids", keys.ids())
	}
	return err
}
