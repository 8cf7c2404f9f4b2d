package config

import (
	"maps"
	"slices"
	"time"

	"eppmux/upstream"
)

// Profile is what is publicly known of a registry, each number with its source. No number here is a
// guess: a fact that is not known is left out, and a zero field means that, too.
type Profile struct {
	sessions sourced[int]              // at once, per account
	idle     sourced[time.Duration]    // without a command; then the registry closes
	age      sourced[time.Duration]    // of a session; then it closes in any case
	commands sourced[int]              // in one session; then it closes
	errors   sourced[int]              // with the same code in one session; then it closes
	frame    sourced[int]              // octets of the largest data unit that it reads, with header
	names    sourced[int]              // in one check
	delay    sourced[time.Duration]    // of an answer that it slows down instead of refusing
	rates    []sourced[RateLimit]      // that it allows
	probe    sourced[KeepaliveCommand] // that keeps a session alive where hello does not
	cert     sourced[bool]             // a client certificate is demanded
	reads    sourced[[]string]         // extensions of its own that ask for nothing but an answer

	Throttled []upstream.Pattern // answers that mean "not executed, too fast"; see upstream.Config
	Lost      []upstream.Pattern // answers that mean "not logged in any more"; nil: those that are common

	Password PasswordRule
}

// sourced is a fact with its source, which ends in a mark of how good it is: [V] the source was
// read, [S] it is secondary or historical, [B] the number was given without a public source.
type sourced[T any] struct {
	is   T
	from string // empty: the fact is not known
}

func (s sourced[T]) known() bool { return s.from != "" }

// PasswordRule is what a registry demands of a password beyond the schema's length.
type PasswordRule struct {
	Min, Max  int    // characters; 0: as the schema has it
	Forbidden string // characters
	OutOfBand string // why newPW in a login is not possible; empty: it is
	From      string
}

// Limits of our own, on what is made of a registry's numbers.
const (
	// longestKeepalive is below the silence after which firewalls and address translators drop a
	// connection.
	longestKeepalive = 4 * time.Minute

	// frameRoom is how many octets our clTRID may add to a client's frame: an element of 64
	// characters, with its tags and a prefix.
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
	if p.errors.known() && !given("sessions.equal_errors") {
		r.Sessions.EqualErrors = p.errors.is
	}
	if p.frame.known() && !given("clients.max_frame") {
		r.Clients.MaxFrame = p.frame.is - frameRoom
	}
	if p.names.known() && !given("check_max") {
		r.CheckMax = p.names.is
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

// QueryExtensions returns the namespaces of the registry's own extensions that ask for nothing but an
// answer in a query; see upstream.Config.
func (p *Profile) QueryExtensions() []string { return p.reads.is }

// profileNames returns the names in their order.
func profileNames() []string { return slices.Sorted(maps.Keys(profiles)) }

// Source returns where the rule comes from, in brackets behind a blank; nothing where the rule is
// that of the schema.
func (p PasswordRule) Source() string {
	if p.From == "" {
		return ""
	}
	return " (" + p.From + ")"
}
