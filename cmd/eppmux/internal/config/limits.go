package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"eppmux/frame"
)

// rule implements ruler.
func (l *RateLimit) rule(c *checker, path, key string) {
	at := join(path, key)
	switch key {
	case "name":
		if c.has(at) {
			c.name(at, l.Name)
		}
	case "limit":
		c.present(at)
		c.present(join(path, "per"))
	case "commands":
		if len(l.Commands) == 0 {
			c.add(at, "must not be empty; leave the key out for all")
		}
	case "unit":
		if l.Unit == UnitObjects && !c.hasFault(join(path, "commands")) && !l.Covers(frame.CommandCheck, frame.OpNone) {
			c.add(at, "objects are those of checks: commands must have check in it")
		}
	case "":
		if !slices.ContainsFunc([]string{"limit", "per", "burst"}, func(key string) bool {
			return c.hasFault(join(path, key))
		}) {
			if err := l.Limit.Validate(); err != nil {
				c.add(path, "%v", err)
			}
		}
	}
}

// present refuses that a key is not in the file.
func (c *checker) present(path string) {
	if !c.has(path) {
		c.add(path, "is missing")
	}
}

// LimitNames returns the names of limits, each different. A limit without a name is named after its
// own words, as in "all-100-per-1s". So a limit that stays the same keeps its name, wherever it
// stands.
func LimitNames(limits []RateLimit) []string {
	names := make([]string, len(limits))
	for i := range limits {
		names[i] = limits[i].Name
	}
	for i := range limits {
		if names[i] != "" {
			continue
		}
		said := limits[i].said()
		name := said
		for n := 2; slices.Contains(names, name); n++ {
			name = fmt.Sprintf("%s-%d", said, n)
		}
		names[i] = name
	}
	return names
}

// maxSaid is how many commands a name made of them lists.
const maxSaid = 3

// said returns the words of l: its commands in the order of the alphabet, its numbers, its scope if
// it is not the registry, and "shadow" if it is one.
func (l *RateLimit) said() string {
	var words []string
	for _, c := range l.Commands {
		words = append(words, strings.ReplaceAll(c.String(), ":", "-"))
	}
	slices.Sort(words)
	if more := len(words) - maxSaid; more > 0 {
		words = append(words[:maxSaid], fmt.Sprintf("%d-more", more))
	}
	number := fmt.Sprintf("%d-per-%s", l.Limit.N, whole(l.Limit.Per))
	if l.Unit == UnitObjects {
		number = fmt.Sprintf("%d-objects-per-%s", l.Limit.N, whole(l.Limit.Per))
	}
	words = append(words, number)
	if l.Scope != ScopeRegistry {
		words = append(words, string(l.Scope))
	}
	if l.Shadow {
		words = append(words, "shadow")
	}
	return strings.Join(words, "-")
}

// whole writes d in the largest unit in which it has no fraction.
func whole(d time.Duration) string {
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "us"}} {
		if d%u.length == 0 {
			return fmt.Sprintf("%d%s", d/u.length, u.name)
		}
	}
	return fmt.Sprintf("%dns", d)
}
