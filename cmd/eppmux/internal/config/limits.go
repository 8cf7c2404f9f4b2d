package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"eppmux/upstream/pool"
)

func (c *checker) rateLimits(path string, limits []RateLimit) {
	if len(limits) > pool.MaxRules {
		c.add(path, "must be %d at most, got %d", pool.MaxRules, len(limits))
	}
	names := map[string]string{}
	for i := range limits {
		c.rateLimit(index(path, i), &limits[i], names)
	}
}

func (c *checker) rateLimit(path string, l *RateLimit, names map[string]string) {
	_, written := c.lines[path] // else it is the default one
	if !written || c.hasFault(path) {
		return
	}
	if c.has(join(path, "name")) {
		c.name(join(path, "name"), l.Name, names)
	}
	c.present(join(path, "limit"))
	c.present(join(path, "per"))
	if l.Limit.N < 1 {
		c.add(join(path, "limit"), "must be at least 1, got %d", l.Limit.N)
	}
	c.aboveZero(join(path, "per"), l.Limit.Per)
	if l.Limit.Burst < 0 || l.Limit.Burst > max(l.Limit.N, 0) {
		c.add(join(path, "burst"), "must be 0 (as limit) to limit (%d), got %d", l.Limit.N, l.Limit.Burst)
	}
	if len(l.Commands) == 0 {
		c.add(join(path, "commands"), "must not be empty; leave the key out for all")
	}
	if !c.hasFault(join(path, "limit")) && !c.hasFault(join(path, "per")) && !c.hasFault(join(path, "burst")) {
		if err := l.Limit.Validate(); err != nil {
			c.add(path, "%v", err)
		}
	}
}

// LimitNames are the names of limits, each different: those that they have, or what they say, as in
// "all-100-per-1s". So a limit that stays the same keeps its name, wherever it stands.
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

// said is what l says: its commands in the order of the alphabet, its numbers, its scope, and that
// it is a shadow.
func (l *RateLimit) said() string {
	var words []string
	for _, c := range l.Commands {
		words = append(words, strings.ReplaceAll(c.String(), ":", "-"))
	}
	slices.Sort(words)
	if more := len(words) - maxSaid; more > 0 {
		words = append(words[:maxSaid], fmt.Sprintf("%d-more", more))
	}
	words = append(words, fmt.Sprintf("%d-per-%s", l.Limit.N, whole(l.Limit.Per)))
	if l.Scope != ScopeRegistry {
		words = append(words, string(l.Scope))
	}
	if l.Shadow {
		words = append(words, "shadow")
	}
	return strings.Join(words, "-")
}

// whole is d in the largest unit in which it has no fraction.
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
