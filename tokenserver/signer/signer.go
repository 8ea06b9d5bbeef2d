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
// of the keys counts that in; a second more does not matter, also where a key has to go at once.
const rereadInterval = time.Second

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
	mount       *mount
}

// New returns a Signer that holds no keys until Load or Run.
func New(deps Deps) *Signer {
	mount := &mount{}
	return &Signer{
		deps:  deps,
		mount: mount,
		standard: &Keys{
			file:       keyset.StandardFile,
			tokenType:  TypeAccessToken,
			algorithms: []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256},
			clock:      deps.Clock,
			mount:      mount,
		},
		insightsHub: &Keys{
			file:       keyset.InsightsHubFile,
			tokenType:  typeJWT,
			algorithms: []keyset.Algorithm{keyset.RS256},
			clock:      deps.Clock,
			mount:      mount,
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

// Load reads the files. One that is missing or broken leaves what is held of it in use, and is returned as an error; it
// is logged when it appears and when it goes, not at each reading. Load is not safe for concurrent use.
func (s *Signer) Load() error {
	standard, standardErr := s.read(s.standard)
	hub, hubErr := s.read(s.insightsHub)
	if err := keyset.Disjoint(or(standard, s.standard), or(hub, s.insightsHub)); err != nil {
		// Which of the two is wrong nobody can tell: what is held, and was disjoint, stays.
		standard, standardErr, hub, hubErr = nil, err, nil, err
	}
	s.take(s.standard, standard, standardErr)
	s.take(s.insightsHub, hub, hubErr)
	return errors.Join(standardErr, hubErr, s.watchMount())
}

func (s *Signer) read(keys *Keys) (*held, error) {
	data, err := os.ReadFile(filepath.Join(s.deps.Dir, keys.file))
	if err != nil {
		return nil, err
	}
	return keys.read(data)
}

// or is what will be held: what was read, else what is held already.
func or(read *held, keys *Keys) keyset.Set {
	if read == nil {
		read = keys.held.Load()
	}
	if read == nil {
		return keyset.Set{}
	}
	return read.set
}

// take holds what was read, if anything, and logs what is new.
func (s *Signer) take(keys *Keys, read *held, err error) {
	if read != nil {
		keys.held.Store(read)
	}
	known := keys.problem
	keys.problem = ""
	if err != nil {
		keys.problem = err.Error()
	}
	switch {
	case err != nil && keys.problem != known:
		s.deps.Log.Error("Cannot read signing keys, those held stay in use", "file", keys.file, "err", keys.problem)
	case err == nil && (read != nil || known != ""):
		s.deps.Log.Info("Read signing keys", "file", keys.file, "kids", keys.ids())
	}
}
