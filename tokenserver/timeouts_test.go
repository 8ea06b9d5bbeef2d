package tokenserver

import (
	"testing"
	"time"
)

func TestATimeoutThatIsNotGivenIsTheDefault(t *testing.T) {
	want := DefaultTimeouts()
	want.Idle = time.Second
	if got := (Timeouts{Idle: time.Second, Write: -1}).orDefault(); got != want {
		t.Errorf("got %+v", got)
	}
	for _, timeout := range []time.Duration{want.ReadHeader, want.Read, want.Write, want.Drain, DefaultTimeouts().Idle} {
		if timeout <= 0 {
			t.Errorf("a default is %s", timeout)
		}
	}
}
