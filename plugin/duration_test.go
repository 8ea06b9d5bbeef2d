package plugin_test

import (
	"testing"

	"countersign.dev/plugin"
)

func TestEveryDurationCanBeWrittenInDays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for text, ends := range map[string]string{
		"10d": "2030-06-11T12:00:00Z", "1d12h": "2030-06-03T00:00:00Z", "36h": "2030-06-03T00:00:00Z", "1h30m": "2030-06-01T13:30:00Z",
	} {
		has(t, w.run("nobody", "credentials", "new", "--expires-in", text).out, "expirationTime: "+ends)
		has(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--dry-run=client", "--expires", text).out, "expires: "+ends)
	}
	w.issued(true, nil, "a1", "b1")
	out := &acting{act: func() { w.issued(true, nil, "a2", "b2") }}
	if got := w.runTo(out, appAdmin, "rotate", "kpi", in(w.host), "--wait", "--timeout=1d"); got.status != plugin.Done {
		t.Error(got.err)
	}
}

func TestWhatIsNoDurationIsToldHowToWriteOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const how = "write a duration as 90d, 36h or 1h30m"
	for _, text := range []string{"10", "10 days", "d", "-1d", "1d-1h", "1.5d", "1y", "1d1d", "99999999999999999999h", "99999999999999999999d", ""} {
		has(t, w.run("nobody", "credentials", "new", "--expires-in="+text).err, `"--expires-in" flag: `+how)
		has(t, w.run("nobody", "rotate", "kpi", "--timeout="+text).err, `"--timeout" flag: `+how)
		if text != "" {
			has(t, w.run(both, "grant", w.host.Name+"/kpi", in(w.acme), "--expires="+text).err, "nor a duration as 30d or 720h")
		}
	}
	has(t, w.run("nobody", "credentials", "new", "--help").out, "(default 90d)")
	has(t, w.run("nobody", "rotate", "--help").out, "(default 1m0s)")
}
