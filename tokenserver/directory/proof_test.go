package directory

import (
	"strconv"
	"testing"
	"time"
)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func TestAViewIsAsFreshAsTheNewestListThatTheWatchHasReached(t *testing.T) {
	open := func(s int) func(*proof) { return func(p *proof) { p.open(at(s)) } }
	replaced := func(rv string) func(*proof) { return func(p *proof) { p.replaced(rv) } }
	listed := func(s int, rv string) func(*proof) { return func(p *proof) { p.listed(at(s), rv) } }
	reached := func(rv string) func(*proof) { return func(p *proof) { p.reached(rv) } }
	quiet := func(from, to string) func(*proof) { return func(p *proof) { p.quiet(from, to) } }
	const never = -1
	cases := map[string]struct {
		story []func(*proof)
		want  int
	}{
		"nothing happened":                            {nil, never},
		"a list before there is a view":               {[]func(*proof){listed(1, "10")}, never},
		"events without a list":                       {[]func(*proof){reached("10")}, never},
		"a first view that is not complete":           {[]func(*proof){open(1)}, never},
		"the first view":                              {[]func(*proof){open(1), replaced("10")}, 1},
		"a list of before the first view":             {[]func(*proof){open(2), listed(1, "9"), replaced("10")}, 2},
		"a list where the watch is":                   {[]func(*proof){open(1), replaced("10"), listed(5, "10")}, 5},
		"a list where the watch has passed":           {[]func(*proof){open(1), replaced("10"), reached("12"), listed(5, "11")}, 5},
		"a list ahead of the watch":                   {[]func(*proof){open(1), replaced("10"), listed(5, "11")}, 1},
		"a watch that comes to the list later":        {[]func(*proof){open(1), replaced("10"), listed(5, "11"), reached("11")}, 5},
		"a watch that comes to the first of two":      {[]func(*proof){open(1), replaced("8"), listed(5, "9"), listed(6, "10"), reached("9")}, 5},
		"a watch that comes to both":                  {[]func(*proof){open(1), replaced("8"), listed(5, "9"), listed(6, "10"), reached("10")}, 6},
		"two lists at one point":                      {[]func(*proof){open(1), replaced("8"), listed(5, "9"), listed(6, "9"), reached("9")}, 6},
		"a longer number is the later one":            {[]func(*proof){open(1), replaced("99"), listed(5, "100")}, 1},
		"silence up to the list":                      {[]func(*proof){open(1), replaced("10"), listed(5, "15"), quiet("10", "15")}, 5},
		"silence that ends before the list":           {[]func(*proof){open(1), replaced("10"), listed(5, "15"), quiet("10", "14")}, 1},
		"silence from where the watch is no longer":   {[]func(*proof){open(1), replaced("10"), listed(5, "15"), reached("12"), quiet("10", "15")}, 1},
		"silence that goes backwards":                 {[]func(*proof){open(1), replaced("10"), quiet("10", "9"), listed(5, "10")}, 5},
		"a view that was replaced anew":               {[]func(*proof){open(1), replaced("10"), open(9), replaced("20")}, 9},
		"a restored cluster":                          {[]func(*proof){open(1), replaced("10"), listed(5, "10"), listed(6, "7")}, never},
		"a restored cluster, seen by a later view":    {[]func(*proof){open(1), replaced("10"), listed(5, "10"), listed(6, "7"), open(8), replaced("7")}, 8},
		"a restored cluster that the watch saw first": {[]func(*proof){open(1), replaced("10"), listed(5, "10"), open(6), replaced("7"), listed(7, "7")}, 7},
		"a list whose answer is no resourceVersion":   {[]func(*proof){open(1), replaced("10"), listed(5, "x")}, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var p proof
			for _, tell := range c.story {
				tell(&p)
			}
			want := at(c.want)
			if c.want == never {
				want = time.Time{}
			}
			if !p.newest.Equal(want) {
				t.Errorf("fresh as of %s, want %s", p.newest, want)
			}
		})
	}
}

func TestAWatchThatStandsStillKeepsABoundedNumberOfLists(t *testing.T) {
	var p proof
	p.open(at(0))
	p.replaced("100")
	const lists = 10 * maxPending
	for i := 1; i <= lists; i++ {
		p.listed(at(i), strconv.Itoa(100+i))
	}
	if len(p.pending) != maxPending {
		t.Errorf("%d lists are kept", len(p.pending))
	}
	if !p.newest.Equal(at(0)) {
		t.Errorf("fresh as of %s", p.newest)
	}
	p.reached(strconv.Itoa(100 + lists))
	if !p.newest.Equal(at(lists)) || len(p.pending) != 0 {
		t.Errorf("caught up, it is fresh as of %s, and %d lists are kept", p.newest, len(p.pending))
	}
}

func TestTheAgeIsThatOfTheKindThatIsOldest(t *testing.T) {
	w := newWorld(t)
	for i, feed := range w.feeds {
		if w.Synced() || w.Age() != unknownAge {
			t.Fatalf("with %d kinds: synced %v, age %s", i, w.Synced(), w.Age())
		}
		feed.view.open(w.clock.Now())
		if err := feed.store.Replace(nil, "10"); err != nil {
			t.Fatal(err)
		}
	}
	if !w.Synced() || w.Age() != 0 {
		t.Errorf("with all kinds: synced %v, age %s", w.Synced(), w.Age())
	}
	w.clock.Step(time.Minute)
	for _, feed := range w.feeds[1:] {
		feed.view.listed(w.clock.Now(), "10")
	}
	if got := w.Age(); got != time.Minute {
		t.Errorf("one kind has no proof for a minute, and the age is %s", got)
	}
	w.feeds[0].view.listed(w.clock.Now(), "10")
	if got := w.Age(); got != 0 {
		t.Errorf("all are proven, and the age is %s", got)
	}
	w.feeds[2].view.listed(w.clock.Now(), "9")
	if !w.Synced() || w.Age() != unknownAge {
		t.Errorf("one kind's history went backwards: synced %v, age %s", w.Synced(), w.Age())
	}
}
