package config

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/upstream"
)

// Profile is what is publicly known of a registry, each number with its source. What is not known
// is left out: no number here is a guess. Its zero fields mean that, too.
type Profile struct {
	sessions sourced[int]              // at once, per account
	idle     sourced[time.Duration]    // without a command, after which the registry closes
	age      sourced[time.Duration]    // after which it closes in any case
	commands sourced[int]              // in one session, after which it closes
	frame    sourced[int]              // octets of the largest data unit that it reads, with header
	delay    sourced[time.Duration]    // by which it slows answers down instead of refusing
	rates    []sourced[RateLimit]      // what it allows
	probe    sourced[KeepaliveCommand] // where hello does not do as keepalive
	cert     sourced[bool]             // a client certificate is demanded

	Throttled []upstream.Pattern // answers that mean "not executed, too fast"; see upstream.Config
	Lost      []upstream.Pattern // answers that mean "not logged in any more"; nil: those that are common

	Password PasswordRule
}

// sourced is a fact and where it stands, with the mark of how good that is: [V] the source was
// read, [S] secondary or historical, [B] given without a public source.
type sourced[T any] struct {
	is   T
	from string // empty: the fact is not known
}

func (s sourced[T]) known() bool { return s.from != "" }

// PasswordRule is what a registry demands of a password beyond the schema's length.
type PasswordRule struct {
	Min, Max  int    // characters; 0: as the schema has it
	Forbidden string // characters
	OutOfBand string // why newPW in a login does not do; empty: it does
	From      string
}

// Limits of our own, on what is made of a registry's numbers.
const (
	// longestKeepalive is below what firewalls and address translators take for dead.
	longestKeepalive = 4 * time.Minute

	// frameRoom is what our clTRID may add to a client's frame: an element of 64 characters, with
	// its tags and a prefix.
	frameRoom = 128
)

// apply makes the profile's numbers the defaults of r.
func (p *Profile) apply(r *Registry) {
	if p.sessions.known() {
		r.Sessions.Max = p.sessions.is
	}
	if p.idle.known() {
		r.Sessions.Keepalive = min(longestKeepalive, p.idle.is/2)
	}
	if p.probe.known() {
		r.Sessions.KeepaliveCommand = p.probe.is
	}
	if p.age.known() {
		r.Sessions.MaxAge = p.age.is - p.age.is/24
	}
	if p.commands.known() {
		r.Sessions.MaxCommands = p.commands.is
	}
	if p.frame.known() {
		r.Clients.MaxFrame = p.frame.is - frameRoom
	}
	if p.delay.known() {
		r.Timeouts.Command += p.delay.is
	}
	p.applyRates(r)
}

// limits says whether the profile has limits that are not shadows, and so replaces the default one.
func (p *Profile) limits() bool {
	return slices.ContainsFunc(p.rates, func(l sourced[RateLimit]) bool { return !l.is.Shadow })
}

// applyRates replaces the default limit, unless all that the profile has are shadows.
func (p *Profile) applyRates(r *Registry) {
	var real, shadows []RateLimit
	for _, l := range p.rates {
		if l.is.Shadow {
			shadows = append(shadows, l.is)
		} else {
			real = append(real, l.is)
		}
	}
	if real == nil {
		real = r.RateLimits
	}
	r.RateLimits = append(real, shadows...)
}

// ProfileOf is nil for no name, and for one that is not known.
func ProfileOf(name string) *Profile { return profiles[name] }

// profileNames are sorted.
func profileNames() []string { return slices.Sorted(maps.Keys(profiles)) }

// profile reads the name of a profile. What it stands for has been applied before, see newRegistry.
func (r *reader) profile(to *string) read {
	return func(path string, n *yaml.Node) {
		var name string
		r.text(&name)(path, n)
		if name == "" {
			return
		}
		if ProfileOf(name) == nil {
			known := profileNames()
			r.add(path, "no such profile: %s%s; known are %s", cli.Quote(name), suggest(name, known),
				strings.Join(known, ", "))
			return
		}
		*to = name
	}
}

// newRegistry is a registry with its defaults: they depend on the profile that n, its mapping,
// names, wherever in it.
func newRegistry(n *yaml.Node) Registry {
	to := defaultRegistry()
	budget := maxNodes
	if v := find(n, "profile", &budget); v != nil && v.Kind == yaml.ScalarNode {
		if p := ProfileOf(v.Value); p != nil {
			p.apply(&to)
		}
	}
	return to
}

// find is the value of a key of a mapping, or of those that it merges, in the order in which pairs
// reads them; nil when there is none. It looks at no more than budget mappings and lists.
func find(n *yaml.Node, name string, budget *int) *yaml.Node {
	n = behind(n)
	if *budget--; *budget < 0 {
		return nil
	}
	var merged []*yaml.Node
	switch n.Kind {
	case yaml.SequenceNode:
		merged = n.Content
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, val := n.Content[i], n.Content[i+1]
			if key.ShortTag() == "!!merge" {
				merged = append(merged, val)
			} else if key.Value == name {
				return behind(val)
			}
		}
	}
	for _, m := range merged {
		if v := find(m, name, budget); v != nil {
			return v
		}
	}
	return nil
}

// behind is what an alias stands for.
func behind(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// Source names where the rule comes from, in brackets behind a blank, if it is not the schema's.
func (p PasswordRule) Source() string {
	if p.From == "" {
		return ""
	}
	return " (" + p.From + ")"
}
