package status

import (
	"fmt"
	"slices"
	"strings"
)

// Headline says in a few words how things stand.
func (s *Status) Headline() string {
	text := s.ofRegistries()
	if s.Stopping {
		return text
	}
	var beside []string
	if s.Cluster != nil && s.Cluster.Gravity > OK {
		beside = append(beside, "the cluster needs a look")
	}
	if g := s.Gateway; g != nil && g.Gravity > OK {
		beside = append(beside, [numGravities]string{"", "the gateway needs a look", "the gateway is broken"}[g.Gravity])
	}
	if len(beside) == 0 {
		return text
	}
	and := ", and "
	if strings.HasPrefix(text, "All") {
		and = ", but "
	}
	return text + and + strings.Join(beside, ", and ")
}

// ofRegistries is the headline of the registries alone.
func (s *Status) ofRegistries() string {
	var n [numGravities]int
	for i := range s.Registries {
		n[s.Registries[i].Gravity]++
	}
	all := len(s.Registries)
	switch {
	case s.Stopping:
		return "eppmux is stopping"
	case all == 0:
		return "No registry is served"
	case all == 1:
		alone := [numGravities]string{"All well", "The registry needs a look", "The registry is broken"}
		return alone[s.Registries[0].Gravity]
	case n[Broken] > 0 && n[Look] > 0:
		return fmt.Sprintf("%d of %d registries %s broken, %d %s a look",
			n[Broken], all, verb(n[Broken], "is", "are"), n[Look], verb(n[Look], "needs", "need"))
	case n[Broken] > 0:
		return fmt.Sprintf("%d of %d registries %s broken", n[Broken], all, verb(n[Broken], "is", "are"))
	case n[Look] > 0:
		return fmt.Sprintf("%d of %d registries %s a look", n[Look], all, verb(n[Look], "needs", "need"))
	}
	return fmt.Sprintf("All %d registries are well", all)
}

// verb is the form for n things.
func verb[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Ranked returns the registries, the gravest first. They are those of s and must not be changed.
func (s *Status) Ranked() []*Registry {
	var all []*Registry
	for i := range s.Registries {
		all = append(all, &s.Registries[i])
	}
	slices.SortStableFunc(all, func(a, b *Registry) int { return int(b.Gravity) - int(a.Gravity) })
	return all
}

// Verdict returns the gravest finding. A Status from elsewhere may have none; then it has the
// gravity only.
func (r *Registry) Verdict() Finding {
	if len(r.Findings) == 0 {
		return Finding{Gravity: r.Gravity}
	}
	return r.Findings[0]
}
