package status

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"eppmux/audit"
	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// shown is what a monitor makes of a subject with one snapshot, at began, after an hour.
func shown(s Subject, snapshot *Snapshot) *Registry {
	s.Looker = new(fake)
	m := &Monitor{
		cfg:       MonitorConfig{Recent: NewRecent(), Stopping: func() bool { return false }},
		started:   began.Add(-time.Hour),
		histories: map[Looker]*history{s.Looker: new(history)},
		last:      map[Looker]*Snapshot{s.Looker: snapshot},
	}
	snapshot.At = began
	r := m.registry(&watched{Subject: s, now: snapshot}, began)
	return &r
}

func TestShownAccount(t *testing.T) {
	s := new(Snapshot)
	a := &s.Account
	a.Sessions[pool.SessionDialing], a.Sessions[pool.SessionIdle], a.Sessions[pool.SessionBusy] = 1, 2, 3
	a.Sessions[pool.SessionDraining], a.Sessions[pool.SessionClosing] = 4, 5
	a.Max, a.Backoff, a.Paused = 7, true, true
	a.Refusing, a.PollRefused, a.OtherServices, a.Failing = 4, true, 6, 5
	a.Trouble, a.Cause, a.TroubleFor, a.NextTry = "greeting: read tcp 127.0.0.1:4->127.0.0.1:5: i/o timeout", pool.CauseGreeting, time.Minute, 1500*time.Millisecond
	a.Queued, a.Oldest, a.Throttle = 6, 2*time.Second, 3*time.Second
	r := shown(Subject{MinSessions: 1, MaxSessions: 9}, s)
	want := Sessions{Min: 1, Max: 9, Allowed: 7, Dialing: 1, Idle: 2, Busy: 3, Ending: 9, Backoff: true, Refusing: 4, PollRefused: true, OtherServices: 6, Failing: 5, List: []Session{}}
	if !reflect.DeepEqual(r.Sessions, want) || r.Sessions.LoggedIn() != 5 {
		t.Errorf("got %+v, want %+v", r.Sessions, want)
	}
	if !r.Ready || !r.Paused || r.Trouble != "greeting: no answer in time" || r.TroubleReason != "greeting" || r.TroubleSeconds != 60 || r.NextTrySeconds != 1.5 {
		t.Errorf("got %+v", r)
	}
	if r.Queue != (Queue{Length: 6, OldestSeconds: 2, PauseSeconds: 3}) {
		t.Errorf("got %+v", r.Queue)
	}
	for fails, want := range map[pool.LedgerPolicy]Ledger{pool.LedgerNot: "", pool.LedgerWarn: LedgerForgets, pool.LedgerBlock: LedgerWaits,
		pool.LedgerStrict: LedgerWaits} {
		a.LedgerFails = fails
		if r := shown(Subject{MaxSessions: 9}, s); r.Ledger != want {
			t.Errorf("%v: got %q, want %q", fails, r.Ledger, want)
		}
	}
	if r.Spent != nil {
		t.Errorf("got %+v", r.Spent)
	}
	a.Spent = pool.Spent{Rule: "x", For: time.Hour}
	if r := shown(Subject{MaxSessions: 9}, s); r.Spent == nil || *r.Spent != (Spent{"x", 3600}) {
		t.Errorf("got %+v", r.Spent)
	}
	a.Trouble, a.Max = "", 100
	if r := shown(Subject{MaxSessions: 9}, s); r.TroubleReason != "" || r.TroubleSeconds != 0 || r.Sessions.Allowed != 9 {
		t.Errorf("no trouble: got %+v", r)
	}
}

func TestShownSessions(t *testing.T) {
	s := new(Snapshot)
	s.Sessions = []upstream.SessionInfo{
		{ID: 3, State: pool.SessionBusy, For: 250 * time.Millisecond, Age: time.Minute, Commands: 12, Doing: "create", Client: "a\x1bb", Listener: "tcp://x"},
		{ID: 4, State: pool.SessionIdle, Doing: "keepalive", Own: true},
	}
	want := []Session{
		{ID: 3, State: "busy", ForSeconds: 0.25, AgeSeconds: 60, Commands: 12, Doing: "create", Client: "a\ufffdb", Listener: "tcp://x"},
		{ID: 4, State: "idle", Doing: "keepalive", Own: true},
	}
	if got := shown(Subject{}, s).Sessions.List; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestShownClients(t *testing.T) {
	s := new(Snapshot)
	s.Clients = ClientsSnapshot{Connected: 4, Memory: 1000, MaxMemory: 2000, AcceptError: "accept4: too many open files\n"}
	r := shown(Subject{MaxClients: 50}, s)
	if r.Clients != (Clients{Connected: 4, Max: 50, Memory: 1000, MaxMemory: 2000}) || r.Blame != nil || r.AcceptError != "too many open files " {
		t.Errorf("got %+v, %+v, %q", r.Clients, r.Blame, r.AcceptError)
	}
	at := began.In(time.FixedZone("x", 3600))
	s.Clients.Blame = &Blame{At: at, Listener: "unix:///s\x07", Client: "10.0.0.7:4\n", Reason: "ahead"}
	got := shown(Subject{}, s).Blame
	if got == nil || *got != (Blame{At: began, Listener: "unix:///s\ufffd", Client: "10.0.0.7:4 ", Reason: "ahead"}) {
		t.Errorf("got %+v", got)
	}
	if s.Clients.Blame.Client != "10.0.0.7:4\n" {
		t.Error("the snapshot has been changed")
	}
}

// TestShownCulprits: whatever a client chose of it is fit to be shown.
func TestShownCulprits(t *testing.T) {
	s := new(Snapshot)
	s.Account.Culprits = []upstream.Culprit{{ID: 4, Listener: "unix:///s\x07", Client: "uid 1\n", Identity: "web\x1b", Command: "check \u202edial tcp x: ",
		Cause: pool.CauseCodeCloses, Ends: 3, HeldBack: true, Ago: 5500 * time.Millisecond, Wait: 2 * time.Second}}
	want := []Culprit{{ID: 4, Listener: "unix:///s\ufffd", Client: "uid 1 ", Identity: "web\ufffd", Command: "check \ufffddial tcp x: ",
		Reason: "code_closes", Ends: 3, HeldBack: true, AgoSeconds: 5.5, WaitSeconds: 2}}
	if got := shown(Subject{}, s).Culprits; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestShownCodes(t *testing.T) {
	s := new(Snapshot)
	for code, n := range map[int]uint64{1000: 5, 2302: 9, 2400: 1, 4711: 2, 4712: 3} {
		s.Account.Commands[frame.CommandCreate][frame.Code(code).Index()] += n
	}
	s.Account.Commands[frame.CommandCheck][frame.Code(1000).Index()] = 1
	want := []CodeCount{{2302, "object exists", 9, 9}, {1000, "done", 6, 6}, {0, "not in RFC 5730", 5, 5}, {2400, "command failed", 1, 1}}
	if got := shown(Subject{}, s).Codes; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := shown(Subject{}, new(Snapshot)).Codes; got == nil || len(got) != 0 {
		t.Errorf("got %#v, want an empty list, which is no null in JSON", got)
	}
}

// TestMeanings: every code that is counted has its words.
func TestMeanings(t *testing.T) {
	for i := range frame.NumCodes + 1 {
		if code := codeAt(i); meanings[code] == "" {
			t.Errorf("got no words for %d", code)
		}
	}
	if len(meanings) != frame.NumCodes+1 {
		t.Errorf("got words for %d codes, want for %d", len(meanings), frame.NumCodes+1)
	}
}

// TestShownLimits: the use of those of scope registry, what a shadow would have held back, and no
// more limits than the config has.
func TestShownLimits(t *testing.T) {
	s := new(Snapshot)
	a := &s.Account
	a.Used, a.Rules = []float64{0.123456, 0.5, 0.75, 0.9}, []string{"a", "b", "c", "d"}
	a.Exceeded[1], a.Exceeded[2] = 7, 8
	subject := Subject{Limits: []Limit{{Name: "a", Scope: "registry"}, {Name: "b", Scope: "client", Shadow: true}, {Name: "c", Scope: "registry", Shadow: true}}}
	got := shown(subject, s).Limits
	if len(got) != 3 || *got[0].UsedRatio != 0.1235 || got[1].UsedRatio != nil || *got[2].UsedRatio != 0.75 {
		t.Errorf("got %+v", got)
	}
	if got[0].Exceeded != 0 || got[1].Exceeded != 7 || got[2].Exceeded != 8 {
		t.Errorf("got %+v", got)
	}
	if subject.Limits[0].UsedRatio != nil {
		t.Error("the subject has been changed")
	}
	a.Used, a.Rules = nil, nil // before a reload has reached the loop
	if got := shown(subject, s).Limits; len(got) != 3 || got[0].UsedRatio != nil {
		t.Errorf("no use is known: got %+v", got)
	}
}

// TestShownExpiries: our certificates, the registry's and the password, the soonest first.
func TestShownExpiries(t *testing.T) {
	s := new(Snapshot)
	soon := began.Add(5 * 24 * time.Hour)
	s.Account.ServerExpires, s.Account.ServerLife = began.Add(100*24*time.Hour), 365*24*time.Hour
	s.Account.LoginEvents = []frame.LoginEvent{
		{Type: "cipher", Level: "warning", Text: "old\n"},
		{Type: "password", Level: "warning", Expires: soon},
	}
	subject := Subject{Expiries: func(now time.Time) []Expiry {
		if !now.Equal(began) {
			t.Errorf("asked at %v, want %v", now, began)
		}
		return []Expiry{{What: "our certificate", File: "c.pem", At: soon.Add(time.Hour), Ours: true, Near: Look}}
	}}
	r := shown(subject, s)
	var got []string
	for _, e := range r.Expiries {
		got = append(got, e.What+" "+e.Near.String())
		if want := e.At.Sub(began).Round(time.Second).Seconds(); e.In != want {
			t.Errorf("%s: got %v s, want %v", e.What, e.In, want)
		}
	}
	if want := []string{"password look", "our certificate look", "registry's certificate ok"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !r.Expiries[0].Ours || r.Expiries[2].Ours {
		t.Errorf("got %+v", r.Expiries)
	}
	if len(r.LoginSays) != 2 || r.LoginSays[0] != (LoginEvent{Type: "cipher", Level: "warning", Text: "old "}) || !r.LoginSays[1].Expires.Equal(soon) {
		t.Errorf("got %+v", r.LoginSays)
	}
}

func TestShownAudit(t *testing.T) {
	state := audit.State{File: "a.jsonl"}
	subject := Subject{Audit: func() (audit.State, bool) { return state, true }}
	if got := shown(subject, new(Snapshot)).Audit; *got != (Audit{File: "a.jsonl", Blocks: true}) {
		t.Errorf("got %+v", got)
	}
	state = audit.State{File: "a\x1b", Failing: began.Add(-12 * time.Second), Why: "write a.jsonl: no space left on device", Lost: 3, LostAt: began.Add(-time.Minute)}
	want := Audit{File: "a\ufffd", Blocks: true, Failing: true, FailingSeconds: 12, Why: "write a.jsonl: no space left on device", Lost: 3, LostSeconds: 60}
	if got := shown(subject, new(Snapshot)).Audit; *got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := shown(Subject{}, new(Snapshot)).Audit; got != nil {
		t.Errorf("none is kept: got %+v", got)
	}
}

// TestShownYoung: what has run for less than a minute has the start of its history in both windows.
func TestShownYoung(t *testing.T) {
	h := new(history)
	for i := range 5 {
		h.add(rowOf(snapshotAt(began.Add(time.Duration(i)*historyEvery), uint64(100+5*i))))
	}
	now := began.Add(22 * time.Second)
	r := &Registry{Limits: make([]Limit, 1)}
	r.windows(h, rowOf(snapshotAt(now, 122)), began.Add(-8*time.Second))
	for name, w := range map[string]Window{"minute": r.Minute, "recent": r.Recent} {
		if w.Seconds != 22 || w.Queries != 1220 {
			t.Errorf("%s: got %+v, want all since the first row", name, w)
		}
	}
	if r.Total.Seconds != 30 || r.Total.Queries != 1220 {
		t.Errorf("total: got %+v", r.Total)
	}
}

// TestShownLimitedRatio stays within 0 and 1 whatever the clocks of loop and monitor say.
func TestShownLimitedRatio(t *testing.T) {
	for held, want := range map[time.Duration]float64{-time.Second: 0, 0: 0, 15 * time.Second: 0.25, time.Hour: 1} {
		h := new(history)
		first := snapshotAt(began, 0)
		first.Account.Limited[0] = time.Hour
		h.add(rowOf(first))
		s := snapshotAt(began.Add(time.Minute), 60)
		s.Account.Limited[0] = time.Hour + held
		r := &Registry{Limits: make([]Limit, 1)}
		r.windows(h, rowOf(s), began)
		if got := r.Limits[0].LimitedRatio; got != want {
			t.Errorf("held back for %v of a minute: got %v, want %v", held, got, want)
		}
	}
}
