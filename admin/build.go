package admin

import (
	"cmp"
	"slices"
	"time"

	"eppmux/audit"
	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/upstream"
)

const whatPassword = "password"

// build makes the Status of what has been seen.
func (m *Monitor) build(all []watched) *Status {
	s := &Status{Version: m.cfg.Version, Host: clean(m.host), Started: m.started, Now: time.Now().UTC(), Stopping: m.cfg.Stopping(),
		Events: m.cfg.Recent.Events(""), Registries: []Registry{}}
	for i := range all {
		r := m.registry(&all[i], s.Now)
		r.Findings = judge(&r, s.Stopping)
		r.Gravity = r.Findings[0].Gravity
		s.Gravity = max(s.Gravity, r.Gravity)
		s.Registries = append(s.Registries, r)
	}
	return s
}

func (m *Monitor) registry(w *watched, now time.Time) Registry {
	r := Registry{Name: w.Server.Name(), Address: clean(w.Address), Answers: w.now != nil, Events: m.cfg.Recent.Events(w.Server.Name()),
		Limits: slices.Clone(w.Limits), Codes: []CodeCount{}}
	r.Sessions = Sessions{Min: w.MinSessions, Max: w.MaxSessions, Allowed: w.MaxSessions, List: []Session{}}
	r.Queue.TimeoutSeconds = seconds(w.QueueTimeout)
	r.Clients.Max = w.MaxClients
	if w.Expiries != nil {
		r.Expiries = w.Expiries(now)
	}
	l, h := m.last[w.Server], m.histories[w.Server]
	r.History = h.columns()
	if l != nil {
		r.moment(l)
		r.windows(h, rowOf(l.at, l.snapshot), m.started)
		r.shown(&l.snapshot.Account)
		r.atFault(l.snapshot)
	}
	if w.Audit != nil {
		r.Audit = auditOf(w.Audit, now)
	}
	for i := range r.Expiries {
		r.Expiries[i].In = r.Expiries[i].At.Sub(now).Round(time.Second).Seconds()
	}
	slices.SortStableFunc(r.Expiries, func(a, b Expiry) int { return a.At.Compare(b.At) })
	return r
}

// moment takes over what is as it is now.
func (r *Registry) moment(l *look) {
	a := &l.snapshot.Account
	r.Ready, r.Paused = a.Ready(), a.Held
	if a.Trouble != "" {
		r.Trouble, r.TroubleReason, r.TroubleSeconds = plain(a.Trouble), a.Cause.String(), seconds(a.TroubleFor)
	}
	r.NextTrySeconds = seconds(a.NextTry)
	s := &r.Sessions
	s.Allowed = min(a.Max, s.Max)
	s.Idle, s.Busy, s.Dialing = a.Sessions[upstream.SessionIdle], a.Sessions[upstream.SessionBusy], a.Sessions[upstream.SessionDialing]
	s.Ending = a.Sessions[upstream.SessionDraining] + a.Sessions[upstream.SessionClosing]
	s.Backoff = a.Backoff
	if l.sessions != nil {
		s.List = l.sessions
	}
	r.Queue.Length, r.Queue.OldestSeconds, r.Queue.PauseSeconds = a.Queued, seconds(a.Oldest), seconds(a.Pause)
	r.Clients.Connected, r.Clients.HeldBytes, r.Clients.MaxHeld = l.snapshot.Clients, l.snapshot.Held, l.snapshot.MaxHeld
}

// atFault takes over who was at fault last.
func (r *Registry) atFault(s *proxy.Snapshot) {
	if b := s.Blame; !b.At.IsZero() {
		r.Blame = &Blame{At: b.At.UTC(), Listener: clean(b.Listener), Client: clean(b.Client), Reason: b.Reason}
	}
	r.AcceptError = plain(s.AcceptError)
}

func auditOf(state func() (audit.State, bool), now time.Time) *Audit {
	s, blocks := state()
	a := &Audit{File: clean(s.File), Blocks: blocks, Lost: s.Lost, Why: plain(s.Why)}
	if !s.Failing.IsZero() {
		a.Failing, a.FailingSeconds = true, seconds(now.Sub(s.Failing))
	}
	if !s.LostAt.IsZero() {
		a.LostSeconds = seconds(now.Sub(s.LostAt))
	}
	return a
}

// windows takes over what happened until now.
func (r *Registry) windows(h *history, now row, started time.Time) {
	zero := row{at: started}
	minute, recent := zero, zero
	if len(h.rows) > 0 {
		// What has run for less time than the window has the start of its history in it, when all
		// was zero.
		if minute = h.before(now.at, time.Minute); minute.at.After(now.at.Add(-time.Minute)) {
			minute = row{at: minute.at}
		}
		if recent = h.before(now.at, historySpan); recent.at.After(now.at.Add(-historySpan + historyEvery)) {
			recent = row{at: recent.at}
		}
	}
	r.Minute, r.Recent, r.Total = window(&minute, &now), window(&recent, &now), window(&zero, &now)
	for i, n := range now.codes {
		if n > 0 {
			code := upstream.CodeOf(i)
			r.Codes = append(r.Codes, CodeCount{code, meanings[code], n, less(n, recent.codes[i])})
		}
	}
	slices.SortStableFunc(r.Codes, func(a, b CodeCount) int { return cmp.Compare(b.Total, a.Total) })
	for i := range r.Limits {
		if i >= len(now.limited) {
			break
		}
		if length := now.at.Sub(minute.at); length > 0 {
			during := now.limited[i] - minute.limitedBy(now.rules[i]) // a reload may have moved it
			r.Limits[i].LimitedRatio = round(min(1, max(0, float64(during)/float64(length))))
		}
	}
}

// shown takes over what limits and the last login show.
func (r *Registry) shown(a *upstream.Snapshot) {
	for i := range r.Limits {
		l := &r.Limits[i]
		if i < len(a.Used) && l.Scope == "registry" {
			used := round(a.Used[i])
			l.UsedRatio = &used
		}
		if l.Shadow && i < len(a.Exceeded) {
			l.Exceeded = a.Exceeded[i]
		}
	}
	if !a.ServerExpires.IsZero() {
		r.expiry("registry's certificate", a.ServerExpires, near(time.Until(a.ServerExpires), a.ServerLife), false)
	}
	if at := a.PasswordExpires(); !at.IsZero() {
		r.expiry(whatPassword, at, near(time.Until(at), never), true)
	}
	for i := range a.LoginEvents {
		r.LoginSays = append(r.LoginSays, loginEvent(&a.LoginEvents[i]))
	}
}

func (r *Registry) expiry(what string, at time.Time, near Gravity, ours bool) {
	r.Expiries = append(r.Expiries, Expiry{What: what, At: at.UTC(), Ours: ours, Near: near})
}

const (
	nearEnd = 14 * 24 * time.Hour
	never   = 1<<63 - 1 // what has no life of its own
)

// near says how near an end is. What lives so short that it is always near its end is renewed by a
// program: of that, only the last eighth of its life counts.
func near(left, life time.Duration) Gravity {
	switch {
	case left <= 0:
		return Broken
	case left < min(nearEnd, life/8):
		return Look
	}
	return OK
}

// Near is how near the end of a certificate is that we have to renew.
func Near(from, to, now time.Time) Gravity { return near(to.Sub(now), to.Sub(from)) }

func loginEvent(e *frame.LoginEvent) LoginEvent {
	shown := LoginEvent{Type: clean(e.Type), Level: clean(e.Level), Text: clean(e.Text)}
	if !e.Expires.IsZero() {
		shown.Expires = &e.Expires
	}
	return shown
}
