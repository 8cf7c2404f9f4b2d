package config

import (
	"maps"
	"slices"
	"time"

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

// fill sets the keys of r that the file leaves out, where p has a number. given reports whether the
// file has a key of the registry.
func (p *Profile) fill(r *Registry, given func(key string) bool) {
	if p.sessions.known() && !given("sessions.max") {
		r.Sessions.Max = p.sessions.is
	}
	if p.idle.known() && !given("sessions.keepalive") {
		r.Sessions.Keepalive = min(longestKeepalive, p.idle.is/2)
	}
	if p.probe.known() && !given("sessions.keepalive_command") {
		r.Sessions.KeepaliveCommand = p.probe.is
	}
	if p.age.known() && !given("sessions.max_age") {
		r.Sessions.MaxAge = p.age.is - p.age.is/24
	}
	if p.commands.known() && !given("sessions.max_commands") {
		r.Sessions.MaxCommands = p.commands.is
	}
	if p.frame.known() && !given("clients.max_frame") {
		r.Clients.MaxFrame = p.frame.is - frameRoom
	}
	if p.delay.known() && !given("timeouts.command") {
		r.Timeouts.Command += p.delay.is
	}
	if !given("rate_limits") {
		r.RateLimits = p.rateLimits(r.RateLimits)
	}
}

// limits reports whether the profile has limits that are not shadows. Those replace the default
// one.
func (p *Profile) limits() bool {
	return slices.ContainsFunc(p.rates, func(l sourced[RateLimit]) bool { return !l.is.Shadow })
}

// rateLimits returns the limits of a registry with the profile: those that are not shadows, or the
// default ones where it has none, and its shadows.
func (p *Profile) rateLimits(defaults []RateLimit) []RateLimit {
	var real, shadows []RateLimit
	for _, l := range p.rates {
		if l.is.Shadow {
			shadows = append(shadows, l.is)
		} else {
			real = append(real, l.is)
		}
	}
	if real == nil {
		real = defaults
	}
	return slices.Concat(real, shadows)
}

// ProfileOf returns the profile of a name; nil for no name, and for one that is not known.
func ProfileOf(name string) *Profile { return profiles[name] }

// profileNames returns the names in their order.
func profileNames() []string { return slices.Sorted(maps.Keys(profiles)) }

// Source names where the rule comes from, in brackets behind a blank, if it is not the schema's.
func (p PasswordRule) Source() string {
	if p.From == "" {
		return ""
	}
	return " (" + p.From + ")"
}
