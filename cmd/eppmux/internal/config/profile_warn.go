package config

import (
	"fmt"
	"time"

	"eppmux/frame"
)

// excess finds where the config of a registry exceeds what its profile says is allowed. That is no
// fault: the registrar's contract may say otherwise.
type excess struct {
	*faultList
	path string // of the registry
	name string // of the profile
}

// warnProfile adds a warning for each thing in which r exceeds its profile.
func warnProfile(l *faultList, path string, r *Registry) {
	p := ProfileOf(r.Profile)
	if p == nil {
		return
	}
	e := &excess{l, path, r.Profile}
	e.sessions(p, &r.Sessions)
	for _, rate := range p.rates {
		e.rate(rate, r.RateLimits)
	}
	if p.frame.known() && r.Clients.MaxFrame > p.frame.is {
		e.warn("clients.max_frame", p.frame.from, "%d octets, but %s reads no more than %d", r.Clients.MaxFrame, e.name,
			p.frame.is)
	}
	if p.names.known() && r.CheckMax > p.names.is {
		e.warn("check_max", p.names.from, "%d, but %s takes %d names in a check", r.CheckMax, e.name, p.names.is)
	}
	if p.delay.known() && r.Timeouts.Command <= p.delay.is {
		e.warn("timeouts.command", p.delay.from, "%v, but %s may hold an answer back for %v", r.Timeouts.Command,
			e.name, p.delay.is)
	}
	if p.cert.known() && r.TLS.CertFile == "" && !r.Sandbox() {
		e.warn("tls.cert_file", p.cert.from, "is missing, but %s demands a client certificate", e.name)
	}
}

// warn adds a warning. A path may have several.
func (e *excess) warn(key, from, format string, args ...any) {
	path := join(e.path, key)
	e.put(Fault{e.line(path), path, fmt.Sprintf(format, args...) + " (" + from + ")"})
}

// sessions warns of sessions that exceed the profile.
func (e *excess) sessions(p *Profile, s *Sessions) {
	if p.sessions.known() && s.Max > p.sessions.is {
		e.warn("sessions.max", p.sessions.from, "%d, but %s allows %d", s.Max, e.name, p.sessions.is)
	}
	if p.idle.known() && s.KeepaliveCommand == KeepaliveNone {
		e.warn("sessions.keepalive_command", p.idle.from, "none, but %s closes what is idle for %v", e.name, p.idle.is)
	} else if p.idle.known() && s.Keepalive > p.idle.is/2 {
		e.warn("sessions.keepalive", p.idle.from, "%v, more than half of the %v after which %s closes what is idle",
			s.Keepalive, p.idle.is, e.name)
	}
	if p.probe.known() && s.KeepaliveCommand == KeepaliveHello {
		e.warn("sessions.keepalive_command", p.probe.from,
			"hello, which %s answers on a session that is not logged in any more; use %s", e.name, p.probe.is)
	}
	if p.age.known() && (s.MaxAge == 0 || s.MaxAge >= p.age.is) {
		e.warn("sessions.max_age", p.age.from, "%v, but %s closes after %v", orNone(s.MaxAge), e.name, p.age.is)
	}
	if p.commands.known() && (s.MaxCommands == 0 || s.MaxCommands > p.commands.is) {
		e.warn("sessions.max_commands", p.commands.from, "%v, but %s closes after %d", orNone(s.MaxCommands), e.name,
			p.commands.is)
	}
	if p.errors.known() && (s.EqualErrors == 0 || s.EqualErrors > p.errors.is) {
		e.warn("sessions.equal_errors", p.errors.from, "%v, but %s closes with equal error %d", orNone(s.EqualErrors),
			e.name, p.errors.is)
	}
}

// orNone returns a bound as a warning writes it.
func orNone[T int | time.Duration](v T) any {
	if v == 0 {
		return "no limit"
	}
	return v
}

// rate warns unless one of the limits that are kept admits no more than the registry allows.
func (e *excess) rate(allowed sourced[RateLimit], kept []RateLimit) {
	if allowed.is.Shadow {
		return
	}
	for i := range kept {
		if kept[i].within(&allowed.is) {
			return
		}
	}
	e.warn("rate_limits", allowed.from, "no limit keeps to the %d commands in %v per %s that %s allows",
		allowed.is.Limit.N, allowed.is.Limit.Per, allowed.is.Scope, e.name)
}

// warnDefaults adds a warning where a real registry gets our defaults, because neither the file nor
// the profile has a number: they may be more than the registry grants.
func warnDefaults(l *faultList, path string, r *Registry) {
	if r.Sandbox() {
		return
	}
	p := ProfileOf(r.Profile)
	if p == nil {
		p = new(Profile)
	}
	if at := join(path, "sessions.max"); !l.has(at) && !p.sessions.known() {
		l.put(Fault{l.line(at), at, fmt.Sprintf("defaults apply: %d sessions at most; set what your registry grants",
			r.Sessions.Max)})
	}
	if at := join(path, "rate_limits"); !l.has(at) && !p.limits() {
		l.put(Fault{l.line(at), at, fmt.Sprintf("defaults apply: %v; set what your registry allows",
			r.RateLimits[0].Limit)})
	}
}

// within reports whether o admits everything that l admits.
func (l *RateLimit) within(o *RateLimit) bool {
	if l.Shadow || l.Scope != o.Scope && l.Scope != ScopeRegistry || !l.coversAllOf(o) {
		return false
	}
	// So many windows of l cover one of o.
	windows := (o.Limit.Per + l.Limit.Per - 1) / l.Limit.Per
	return windows <= time.Duration(o.Limit.N) && l.Limit.N <= o.Limit.N/int(windows)
}

// coversAllOf reports whether l counts every command that o counts.
func (l *RateLimit) coversAllOf(o *RateLimit) bool {
	for c := frame.CommandNone + 1; int(c) < frame.NumCommands; c++ {
		for op := frame.OpNone; op <= frame.OpOther; op++ {
			if o.Covers(c, op) && !l.Covers(c, op) {
				return false
			}
		}
	}
	return true
}
