package plugin

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// day is one of 24 hours.
const day = 24 * time.Hour

// errDuration says how a duration is written.
var errDuration = errors.New("write a duration as 90d, 36h or 1h30m: days, hours, minutes and seconds")

// parseDuration reads a duration as Go writes it, and with days before it. In a specification there are no days: the plugin
// counts them into a time.
func parseDuration(text string) (time.Duration, error) {
	if duration, err := time.ParseDuration(text); err == nil {
		return duration, nil
	}
	days, rest, dayed := strings.Cut(text, "d")
	count, err := strconv.ParseUint(days, 10, 15) // 89 years, which no sum with the rest of it turns over
	if err != nil || !dayed {
		return 0, errDuration
	}
	duration := time.Duration(count) * day
	if rest == "" {
		return duration, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || more >= day {
		return 0, errDuration
	}
	return duration + more, nil
}

// duration is the value of a flag.
type duration time.Duration

// addDuration adds a flag that takes a duration.
func addDuration(flags *pflag.FlagSet, to *time.Duration, name string, value time.Duration, usage string) {
	*to = value
	flags.Var((*duration)(to), name, usage)
}

// Set implements pflag.Value.
func (d *duration) Set(text string) error {
	parsed, err := parseDuration(text)
	*d = duration(parsed)
	return err
}

// String implements pflag.Value.
func (d *duration) String() string {
	if days := time.Duration(*d) / day; days > 0 && time.Duration(*d)%day == 0 {
		return strconv.Itoa(int(days)) + "d"
	}
	return time.Duration(*d).String()
}

// Type implements pflag.Value.
func (d *duration) Type() string { return "duration" }
