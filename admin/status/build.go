package status

import (
	"cmp"
	"slices"
	"time"

	"eppmux/audit"
	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// whatPassword is Expiry.What of the password at a registry.
const whatPassword = "password"

// build makes a Status of what has been seen.
func (m *Monitor) build(all []watched) *Status {
	s := &Status{
		Version:    m.cfg.Version,
		Host:       clean(m.host),
		Started:    m.started,
		Now:        time.Now().UTC(),
		Stopping:   m.cfg.Stopping(),
		Events:     m.cfg.Recent.Events(""),
		Registries: []Registry{},
	}
	var owned []Ownership
	if c := m.cfg.Cluster(); c != nil {
		s.Cluster, owned = ClusterOf(c, s.Now)
		s.Gravity = s.Cluster.Gravity
	}
	if s.Gateway = gatewayOf(m.cfg.Gateway(), m.gateway, s.Now); s.Gateway != nil {
		s.Gravity = max(s.Gravity, s.Gateway.Gravity)
	}
	for i := range all {
		r := m.registry(&all[i], s.Now)
		r.Cluster = ownershipIn(owned, r.Name)
		r.Findings = judge(&r, s.Stopping)
		r.Gravity = r.Findings[0].Gravity
		s.Gravity = max(s.Gravity, r.Gravity)
		s.Registries = append(s.Registries, r)
	}
	return s
}

// ownershipIn is that of a registry; nil: its account is not shared.
func ownershipIn(all []Ownership, registry string) *Ownership {
	for i := range all {
		if all[i].Registry == registry {
			return &all[i]
		}
	}
	return nil
}

// registry makes a Registry of what w shows. Findings and who owns the account are not in it yet.
func (m *Monitor) registry(w *watched, now time.Time) Registry {
	r := Registry{
		Name:    w.Name,
		Address: clean(w.Address),
		Answers: w.now != nil,
		Events:  m.cfg.Recent.Events(w.Name),
		Limits:  slices.Clone(w.Limits),
		Codes:   []CodeCount{}, Culprits: []Culprit{},
	}
	r.Sessions = Sessions{Min: w.MinSessions, Max: w.MaxSessions, Allowed: w.MaxSessions, List: []Session{}}
	r.Queue.TimeoutSeconds = seconds(w.QueueTimeout)
	r.Clients.Max = w.MaxClients
	if w.Expiries != nil {
		r.Expiries = w.Expiries(now)
	}
	h := m.histories[w.Looker]
	r.History = h.columns()
	if s := m.last[w.Looker]; s != nil {
		r.account(&s.Account)
		r.sessions(s.Sessions)
		r.culprits(s.Account.Culprits)
		r.clients(&s.Clients)
		r.windows(h, rowOf(s), m.started)
		r.limits(&s.Account)
		r.login(&s.Account, now)
	}
	if w.Audit != nil {
		r.Audit = auditOf(w.Audit, now)
	}
	if w.Unresolved != nil {
		if n, oldest, known := w.Unresolved(); known {
			r.Unresolved = &Unresolved{Count: n}
			if n > 0 {
				r.Unresolved.OldestSeconds = seconds(now.Sub(oldest))
			}
		}
	}
	for i := range r.Expiries {
		r.Expiries[i].In = r.Expiries[i].At.Sub(now).Round(time.Second).Seconds()
	}
	slices.SortStableFunc(r.Expiries, func(a, b Expiry) int { return a.At.Compare(b.At) })
	return r
}

// account takes over the state of the account.
func (r *Registry) account(a *upstream.Snapshot) {
	r.Ready, r.Paused = a.Ready(), a.Paused
	if a.Trouble != "" {
		r.Trouble, r.TroubleReason, r.TroubleSeconds = plain(a.Trouble), a.Cause.String(), seconds(a.TroubleFor)
	}
	r.NextTrySeconds = seconds(a.NextTry)
	if a.Spent.Rule != "" {
		r.Spent = &Spent{a.Spent.Rule, seconds(a.Spent.For)}
	}
	switch a.LedgerFails {
	case pool.LedgerWarn:
		r.Ledger = LedgerForgets
	case pool.LedgerBlock, pool.LedgerStrict:
		r.Ledger = LedgerWaits
	}
	r.OwnCounted, r.IdleLimitSeconds = a.OwnCounted, seconds(a.IdleLimit)
	s := &r.Sessions
	s.Allowed = min(a.Max, s.Max)
	s.Refusing, s.PollRefused = a.Refusing, a.PollRefused
	s.OtherServices, s.Failing = a.OtherServices, a.Failing
	s.Idle, s.Busy = a.Sessions[pool.SessionIdle], a.Sessions[pool.SessionBusy]
	s.Dialing = a.Sessions[pool.SessionDialing]
	s.Ending = a.Sessions[pool.SessionDraining] + a.Sessions[pool.SessionClosing]
	s.Backoff = a.Backoff
	r.Queue.Length, r.Queue.OldestSeconds, r.Queue.PauseSeconds = a.Queued, seconds(a.Oldest), seconds(a.Throttle)
}

// sessions takes over the list of sessions.
func (r *Registry) sessions(list []upstream.SessionInfo) {
	for i := range list {
		s := &list[i]
		r.Sessions.List = append(r.Sessions.List, Session{
			ID:         s.ID,
			State:      s.State.String(),
			ForSeconds: seconds(s.For),
			AgeSeconds: seconds(s.Age),
			Commands:   s.Commands,
			Doing:      s.Doing,
			Own:        s.Own,
			Listener:   clean(s.Listener),
			Client:     clean(s.Client),
		})
	}
}

// culprits takes over the clients behind whose commands sessions ended.
func (r *Registry) culprits(list []upstream.Culprit) {
	for i := range list {
		c := &list[i]
		r.Culprits = append(r.Culprits, Culprit{
			Listener:    clean(c.Listener),
			Client:      clean(c.Client),
			Identity:    clean(c.Identity),
			ID:          c.ID,
			Command:     clean(c.Command),
			Reason:      c.Cause.String(),
			Ends:        c.Ends,
			HeldBack:    c.HeldBack,
			AgoSeconds:  seconds(c.Ago),
			WaitSeconds: seconds(c.Wait),
		})
	}
}

// clients takes over the state of the clients, and which one was at fault last.
func (r *Registry) clients(c *ClientsSnapshot) {
	r.Clients.Connected, r.Clients.Memory, r.Clients.MaxMemory = c.Connected, c.Memory, c.MaxMemory
	if b := c.Blame; b != nil {
		r.Blame = &Blame{At: b.At.UTC(), Listener: clean(b.Listener), Client: clean(b.Client), Reason: b.Reason}
	}
	r.AcceptError = plain(c.AcceptError)
	r.GreetingFault, r.Ungreeted = plain(c.GreetingFault), c.ungreeted()
}

// auditOf makes an Audit of the state of the audit log.
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

// windows takes over what happened in the last minute, in ten minutes and since the start.
func (r *Registry) windows(h *history, now row, started time.Time) {
	zero := row{at: started}
	minute, recent := zero, zero
	if len(h.rows) > 0 {
		minute = h.beginning(now.at, time.Minute, 0)
		recent = h.beginning(now.at, historySpan, historyEvery)
	}
	r.Minute, r.Recent, r.Total = window(&minute, &now), window(&recent, &now), window(&zero, &now)
	r.codes(&now, &recent)
	for i := range min(len(r.Limits), len(now.limited)) {
		if length := now.at.Sub(minute.at); length > 0 {
			// A reload may have moved the rule to another place.
			during := now.limited[i] - minute.limitedBy(now.rules[i])
			r.Limits[i].LimitedRatio = round(min(1, max(0, float64(during)/float64(length))))
		}
	}
}

// codes takes over the answers of the registry by result code, until now and since recent.
func (r *Registry) codes(now, recent *row) {
	for i, n := range now.codes {
		if n > 0 {
			code := codeAt(i)
			r.Codes = append(r.Codes, CodeCount{int(code), meanings[code], n, less(n, recent.codes[i])})
		}
	}
	slices.SortStableFunc(r.Codes, func(a, b CodeCount) int { return cmp.Compare(b.Total, a.Total) })
}

// limits takes over how far each limit is used.
func (r *Registry) limits(a *upstream.Snapshot) {
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
}

// login takes over what the last login showed.
func (r *Registry) login(a *upstream.Snapshot, now time.Time) {
	if at := a.ServerExpires; !at.IsZero() {
		near := ExpiryGravity(at.Sub(now), a.ServerLife)
		r.Expiries = append(r.Expiries, Expiry{What: "registry's certificate", At: at.UTC(), Near: near})
	}
	if at := a.PasswordExpires(); !at.IsZero() {
		near := ExpiryGravity(at.Sub(now), forever)
		r.Expiries = append(r.Expiries, Expiry{What: whatPassword, At: at.UTC(), Ours: true, Near: near})
	}
	for i := range a.LoginEvents {
		r.LoginSays = append(r.LoginSays, loginEvent(&a.LoginEvents[i]))
	}
}

// loginEvent makes e fit to be shown.
func loginEvent(e *frame.LoginEvent) LoginEvent {
	shown := LoginEvent{Type: clean(e.Type), Level: clean(e.Level), Text: clean(e.Text)}
	if !e.Expires.IsZero() {
		shown.Expires = &e.Expires
	}
	return shown
}
