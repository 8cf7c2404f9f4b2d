package status

import (
	"slices"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// edge is a change of a registry that works with which a rule finds something just so, or just not.
type edge struct {
	rule   string
	finds  bool
	what   string
	change func(*Registry)
}

// edges are the conditions of all rules.
var edges = slices.Concat(ownerEdges, []edge{
	{"stalled", true, "no answer", func(r *Registry) { r.Answers = false }},
	{"stalled", false, "an answer", func(r *Registry) {}},

	{"paused", true, "by the operator", func(r *Registry) { r.Paused = true }},
	{"paused", true, "while sessions are still there", func(r *Registry) { r.Paused, r.Ready = true, true }},
	{"paused", false, "what was seen last says so", func(r *Registry) { r.Paused, r.Answers = true, false }},

	{"login_refused", true, "no session", down("login_refused", "x", 0)},
	{"login_refused", false, "paused", func(r *Registry) { down("login_refused", "x", 0)(r); r.Paused = true }},
	{"login_refused", false, "no answer", func(r *Registry) { down("login_refused", "x", 0)(r); r.Answers = false }},
	{"login_refused", true, "some sessions go on", func(r *Registry) { r.TroubleReason, r.Trouble = "login_refused", "x" }},
	{"no_session_granted", true, "no session", down("too_many_sessions", "x", 0)},
	{"own_session_counted", true, "most likely ours", func(r *Registry) { down("too_many_sessions", "x", 0)(r); r.OwnCounted = true }},
	{"no_session_granted", false, "some go on: fewer_sessions tells", func(r *Registry) { r.TroubleReason, r.Trouble = "too_many_sessions", "x" }},
	{"certificate", true, "no session", down("tls", "x", 0)},
	{"not_reachable", true, "no session", down("connect", "x", 0)},
	{"no_greeting", true, "no session", down("greeting", "x", 0)},
	{"ended", true, "no session", down("code_closes", "x", 0)},
	{"ended", false, "some go on: sessions_end tells", func(r *Registry) { r.TroubleReason, r.Trouble = "code_closes", "x" }},
	{"login_failed", true, "a reason without words of its own", down("registry_closed", "x", 0)},
	{"login_failed", false, "no reason", down("", "", 0)},

	{"connecting", true, "no session, no trouble", down("", "", 0)},
	{"connecting", false, "trouble", down("connect", "x", 0)},
	{"connecting", false, "paused", func(r *Registry) { down("", "", 0)(r); r.Paused = true }},
	{"connecting", false, "no answer", func(r *Registry) { down("", "", 0)(r); r.Answers = false }},
	{"connecting", false, "a session", func(r *Registry) {}},

	{"connecting", false, "a limit is used up", func(r *Registry) { down("", "", 0)(r); r.Spent = &Spent{"x", 9} }},

	{"limit_spent", true, "no session", func(r *Registry) { down("", "", 0)(r); r.Spent = &Spent{"x", 9} }},
	{"limit_spent", false, "paused", func(r *Registry) { down("", "", 0)(r); r.Spent, r.Paused = &Spent{"x", 9}, true }},
	{"limit_spent", false, "a session", func(r *Registry) { r.Spent = &Spent{"x", 9} }},
	{"limit_spent", false, "no answer", func(r *Registry) { down("", "", 0)(r); r.Spent, r.Answers = &Spent{"x", 9}, false }},

	{"ledger_fails", true, "waits", func(r *Registry) { r.Ledger = LedgerWaits }},
	{"ledger_fails", true, "forgets", func(r *Registry) { r.Ledger = LedgerForgets }},
	{"ledger_fails", false, "none", func(r *Registry) { r.Ledger = "" }},
	{"audit_fails", true, "failing", func(r *Registry) { r.Audit = &Audit{Failing: true} }},
	{"audit_fails", false, "not failing", func(r *Registry) { r.Audit = &Audit{Lost: 1, LostSeconds: 700} }},
	{"audit_fails", false, "none is kept", func(r *Registry) { r.Audit = nil }},

	{"silent", true, "one command without an answer", func(r *Registry) { r.Minute.Timeouts, r.Minute.Unknown = 1, 1 }},
	{"silent", true, "one keepalive without an answer", func(r *Registry) { r.Minute.Timeouts = 1 }},
	{"silent", false, "none", func(r *Registry) { r.Minute.Unknown = 1 }},
	{"silent", false, "no answer of ours", func(r *Registry) { r.Minute.Timeouts, r.Answers = 1, false }},

	{"expiry", true, "over", func(r *Registry) { r.Expiries = []Expiry{{Ours: true, Near: Broken}} }},
	{"expiry", true, "near", func(r *Registry) { r.Expiries = []Expiry{{Near: Look}} }},
	{"expiry", false, "far", func(r *Registry) { r.Expiries = []Expiry{{Ours: true, Near: OK, In: 1}} }},

	{"throttled", true, "one refusal", func(r *Registry) { r.Minute.Throttled = 1 }},
	{"throttled", true, "nothing is sent yet", func(r *Registry) { r.Queue.PauseSeconds = 0.001 }},
	{"throttled", false, "ten minutes ago", func(r *Registry) { r.Recent.Throttled = 9 }},

	{"fewer_sessions", true, "one less", func(r *Registry) { r.Sessions.Allowed = 2 }},
	{"fewer_sessions", false, "all", func(r *Registry) { r.Sessions.Allowed = 3 }},
	{"fewer_sessions", false, "none at all", func(r *Registry) { r.Sessions.Allowed = 2; down("too_many_sessions", "x", 0)(r) }},

	{"refusing", true, "one session", func(r *Registry) { r.Sessions.Refusing = 1 }},
	{"refusing", false, "no session is there", func(r *Registry) { r.Sessions.Refusing = 1; down("connect", "x", 0)(r) }},
	{"failing", true, "one session", func(r *Registry) { r.Sessions.Failing = 1 }},
	{"failing", false, "no session is there", func(r *Registry) { r.Sessions.Failing = 1; down("connect", "x", 0)(r) }},
	{"other_services", true, "one session", func(r *Registry) { r.Sessions.OtherServices = 1 }},
	{"other_services", false, "no session is there", func(r *Registry) { r.Sessions.OtherServices = 1; down("connect", "x", 0)(r) }},
	{"poll_refused", true, "refused", func(r *Registry) { r.Sessions.PollRefused = true }},
	{"poll_refused", false, "what is shown is old", func(r *Registry) { r.Sessions.PollRefused, r.Answers = true, false }},
	{"idle_limit", true, "measured", func(r *Registry) { r.IdleLimitSeconds = 20 }},
	{"idle_limit", false, "not measured", func(r *Registry) { r.IdleLimitSeconds = 0 }},

	{"greeting_unfit", true, "no client is greeted", func(r *Registry) { r.GreetingFault, r.Ungreeted = "x", true }},
	{"greeting_unfit", true, "clients have an old one", func(r *Registry) { r.GreetingFault = "x" }},
	{"greeting_unfit", false, "what is shown is old", func(r *Registry) { r.Answers, r.GreetingFault = false, "x" }},

	{"not_taken", true, "one client", func(r *Registry) { r.Recent.AcceptErrors = 1 }},
	{"not_taken", false, "before", func(r *Registry) { r.Total.AcceptErrors, r.AcceptError = 1, "x" }},

	{"clients_held", true, "nine tenths", func(r *Registry) { r.Clients.Memory, r.Clients.MaxMemory = 90, 100 }},
	{"clients_held", false, "just less", func(r *Registry) { r.Clients.Memory, r.Clients.MaxMemory = 89, 100 }},
	{"clients_held", true, "a client was closed for it", func(r *Registry) { r.Recent.Hoarders = 1 }},
	{"clients_held", true, "commands were not sent for it", func(r *Registry) { r.Recent.NotSentCause = "no_room" }},
	{"clients_held", false, "commands were not sent for something else", func(r *Registry) { r.Recent.NotSentCause = "paused" }},
	{"clients_held", false, "no bound is known", func(r *Registry) { r.Clients.Memory, r.Clients.MaxMemory = 0, 0 }},

	{"limit", true, "a fifth of the minute, a quarter of a second", func(r *Registry) {
		r.Queue.OldestSeconds, r.Limits = 0.25, []Limit{{LimitedRatio: 0.2}}
	}},
	{"limit", true, "nobody waits now, but in the last minute", func(r *Registry) {
		r.Minute.Wait.P99, r.Limits = some(0.25), []Limit{{LimitedRatio: 0.2}}
	}},
	{"limit", false, "just less of the minute", func(r *Registry) {
		r.Queue.OldestSeconds, r.Limits = 0.25, []Limit{{LimitedRatio: 0.1999}}
	}},
	{"limit", false, "just less of a wait", func(r *Registry) {
		r.Queue.OldestSeconds, r.Limits = 0.2499, []Limit{{LimitedRatio: 0.2}}
	}},
	{"limit", false, "nothing waited in the last minute", func(r *Registry) {
		r.Minute.Wait.P99, r.Limits = nil, []Limit{{LimitedRatio: 1}}
	}},
	{"limit", false, "a shadow", func(r *Registry) {
		r.Queue.OldestSeconds, r.Limits = 9, []Limit{{LimitedRatio: 1, Shadow: true}}
	}},
	{"limit", false, "no session", func(r *Registry) {
		down("connect", "x", 0)(r)
		r.Queue.OldestSeconds, r.Limits = 9, []Limit{{LimitedRatio: 1}}
	}},

	{"sessions", true, "all busy, and a wait", busySessions(3, 0, 0.25)},
	{"sessions", true, "all that the registry allows", func(r *Registry) { busySessions(2, 0, 1)(r); r.Sessions.Allowed = 2 }},
	{"sessions", false, "one idle", busySessions(2, 1, 9)},
	{"sessions", false, "one more may be opened", busySessions(2, 0, 9)},
	{"sessions", false, "no wait", busySessions(3, 0, 0.2)},

	{"slow", true, "a second", func(r *Registry) { r.Minute.RTT.P50 = some(1) }},
	{"slow", false, "just less", func(r *Registry) { r.Minute.RTT.P50 = some(0.999) }},
	{"slow", false, "no command", func(r *Registry) { r.Minute.RTT.P50 = nil }},
	{"slow", false, "the p99 alone", func(r *Registry) { r.Minute.RTT.P99 = some(9) }},
	{"slow", false, "sessions tells", func(r *Registry) { busySessions(3, 0, 1)(r); r.Minute.RTT.P50 = some(2) }},
	{"slow", false, "no session", func(r *Registry) { down("connect", "x", 0)(r); r.Minute.RTT.P50 = some(2) }},

	{"unknown", true, "one transform", func(r *Registry) { r.Recent.UnknownTransforms = 1 }},
	{"unknown", false, "a query", func(r *Registry) { r.Recent.Unknown = 1 }},
	{"unknown", true, "of an earlier process", func(r *Registry) { r.Unresolved = &Unresolved{Count: 1} }},
	{"unknown", false, "all are resolved", func(r *Registry) {
		r.Recent.UnknownTransforms, r.Unresolved, r.Audit = 1, new(Unresolved), new(Audit)
	}},
	{"unknown", true, "one may be lost", func(r *Registry) {
		r.Recent.UnknownTransforms, r.Unresolved, r.Audit = 1, new(Unresolved), &Audit{Lost: 1, LostSeconds: 999}
	}},
	{"unknown", true, "the log is not read yet", func(r *Registry) { r.Recent.UnknownTransforms, r.Audit = 1, new(Audit) }},
	{"unknown", false, "before", func(r *Registry) { r.Total.UnknownTransforms = 1 }},

	{"audit_gap", true, "ten minutes ago", func(r *Registry) { r.Audit = &Audit{Lost: 1, LostSeconds: 600} }},
	{"audit_gap", false, "longer ago", func(r *Registry) { r.Audit = &Audit{Lost: 1, LostSeconds: 600.1} }},
	{"audit_gap", false, "nothing lost", func(r *Registry) { r.Audit = &Audit{} }},

	{"not_sent", true, "one command", func(r *Registry) { r.Recent.NotSent = 1 }},
	{"not_sent", false, "a client left", func(r *Registry) { r.Recent.Dropped = 1 }},

	{"desync", true, "one session", func(r *Registry) { r.Recent.Desync = 1 }},
	{"desync", false, "before", func(r *Registry) { r.Total.Desync = 1 }},

	{"sessions_end", true, "three", func(r *Registry) { r.Recent.LostSessions = 3 }},
	{"sessions_end", false, "two", func(r *Registry) { r.Recent.LostSessions = 2 }},
	{"sessions_end", true, "three that are nobody's", func(r *Registry) { r.Recent.LostSessions, r.Recent.Blamed = 9, 6 }},
	{"sessions_end", false, "two that are nobody's", func(r *Registry) { r.Recent.LostSessions, r.Recent.Blamed = 9, 7 }},

	{"ends_sessions", true, "two in a row", func(r *Registry) { r.Culprits = []Culprit{culprit(2, "frame")} }},
	{"ends_sessions", true, "the second of the list", func(r *Registry) { r.Culprits = []Culprit{culprit(1, "frame"), culprit(2, "frame")} }},
	{"ends_sessions", false, "one each", func(r *Registry) { r.Culprits = []Culprit{culprit(1, "frame"), culprit(1, "frame")} }},
	{"ends_sessions", false, "all are forgotten", func(r *Registry) { r.Recent.LostSessions, r.Recent.Blamed = 9, 9 }},

	{"login_event", true, "without a date", func(r *Registry) { r.LoginSays = []LoginEvent{{Type: "x"}} }},
	{"login_event", false, "with a date", func(r *Registry) { r.LoginSays = []LoginEvent{{Type: "x", Expires: new(time.Time)}} }},

	{"client_faults", true, "one frame", func(r *Registry) { r.Recent.ClientFaults = 1 }},
	{"client_faults", false, "before", func(r *Registry) { r.Total.ClientFaults, r.Blame = 1, &Blame{Reason: "ahead"} }},
	{"clients_closed", true, "one client", func(r *Registry) { r.Recent.ClientsClosed = 1 }},
	{"clients_closed", false, "one frame", func(r *Registry) { r.Recent.ClientFaults = 1 }},

	{"clients", true, "nine in ten", func(r *Registry) { r.Clients.Connected = 90 }},
	{"clients", false, "just less", func(r *Registry) { r.Clients.Connected = 89 }},
	{"clients", false, "no bound is known", func(r *Registry) { r.Clients.Connected, r.Clients.Max = 9, 0 }},
})

// busySessions has that many sessions, and a command that waits for so many seconds.
func busySessions(busy, idle int, wait float64) func(*Registry) {
	return func(r *Registry) { r.Sessions.Busy, r.Sessions.Idle, r.Queue.OldestSeconds = busy, idle, wait }
}

func TestEdges(t *testing.T) {
	for _, tt := range edges {
		r := working()
		tt.change(&r)
		found := slices.ContainsFunc(judge(&r, false), func(f Finding) bool { return f.Rule == tt.rule })
		if found != tt.finds {
			t.Errorf("%s, %s: got %v, want %v in %+v", tt.rule, tt.what, found, tt.finds, judge(&r, false))
		}
	}
}

// TestEveryRule: each rule finds something in an edge and is silent about a registry that works,
// and what it finds has all its words.
func TestEveryRule(t *testing.T) {
	for i, rule := range rules {
		r := working()
		if f := rule(&r); f != nil {
			t.Errorf("rule %d finds %+v in a registry that works", i, f)
		}
		found := false
		for _, e := range edges {
			r := working()
			e.change(&r)
			f := rule(&r)
			if f == nil {
				continue
			}
			found = true
			if f.Gravity == OK || f.Rule == "" || f.Text == "" {
				t.Errorf("rule %d, %s, %s: got %+v", i, e.rule, e.what, f)
			}
			if f.Do == "" && f.Rule != "connecting" && f.Rule != "not_sent" {
				t.Errorf("rule %d, %s: got no advice in %+v", i, e.what, f)
			}
		}
		if !found {
			t.Errorf("rule %d finds nothing in any edge", i)
		}
	}
}

// TestRulesOnlyLook: a rule changes nothing of the registry that is shown.
func TestRulesOnlyLook(t *testing.T) {
	for _, e := range edges {
		a, b := working(), working()
		e.change(&a)
		e.change(&b)
		judge(&a, true)
		if got, want := mustJSON(t, a), mustJSON(t, b); got != want {
			t.Errorf("%s, %s: got %s, want %s", e.rule, e.what, got, want)
		}
	}
}

// TestTroubles: each cause for which a session cannot be opened has its own words, and says when
// the next attempt is.
func TestTroubles(t *testing.T) {
	for _, tt := range []struct {
		cause    pool.Cause
		rule     string
		whose    string
		text, do string // of sessions that are there
		alone    string // the text without any
	}{
		{pool.CauseLoginRefused, "login_refused", whoseConfig,
			"registry refuses our login for 2 min: result code 2200; 3 of 3 sessions go on", "correct login in the config, then reload; next attempt in 9 s",
			"registry refuses our login for 2 min: result code 2200"},
		{pool.CauseTooManySessions, "no_session_granted", whoseRegistry, "", "",
			"registry grants no session (2502) for 2 min: result code 2200"},
		{pool.CauseTLS, "certificate", whoseConfig,
			"no TLS connection with the registry for 2 min: login: result code 2200; 3 of 3 sessions go on",
			"compare certificates, source address and TLS versions with what the registry has on file or asks for; next attempt in 9 s",
			"no TLS connection with the registry for 2 min: login: result code 2200"},
		{pool.CauseConnect, "not_reachable", whoseNetwork,
			"registry not reachable for 2 min: login: result code 2200; 3 of 3 sessions go on",
			"check address, name look-up and route; ask the registry; next attempt in 9 s",
			"registry not reachable for 2 min: login: result code 2200"},
		{pool.CauseGreeting, "no_greeting", whoseRegistry,
			"registry does not greet for 2 min: login: result code 2200; 3 of 3 sessions go on",
			"ask the registry: it takes connections and does not greet; is our source address on file?; next attempt in 9 s",
			"registry does not greet for 2 min: login: result code 2200"},
		{pool.CauseCodeCloses, "ended", whoseRegistry, "", "",
			"registry ended the last session by its answer for 2 min: login: result code 2200"},
		{pool.CauseRegistryClosed, "login_failed", whoseRegistry,
			"login fails for 2 min: result code 2200; 3 of 3 sessions go on", "ask the registry; next attempt in 9 s",
			"login fails for 2 min: result code 2200"},
	} {
		r := working()
		r.TroubleReason, r.Trouble, r.TroubleSeconds, r.NextTrySeconds = tt.cause.String(), "login: result code 2200", 120, 9
		switch f := unopened(&r); {
		case tt.text == "" && f != nil:
			t.Errorf("%v: got %+v, want nothing while sessions go on", tt.cause, f)
		case tt.text != "" && (f == nil || *f != Finding{Look, tt.rule, tt.whose, tt.text, tt.do}):
			t.Errorf("%v: got %+v, want %s, %s", tt.cause, f, tt.text, tt.do)
		}
		r.Ready = false
		if f := noSession(&r); f == nil || f.Gravity != Broken || f.Rule != tt.rule || f.Whose != tt.whose || f.Text != tt.alone {
			t.Errorf("%v: got %+v, want %s", tt.cause, f, tt.alone)
		}
		if f := unopened(&r); f != nil {
			t.Errorf("%v, no session: got %+v of sessions that go on", tt.cause, f)
		}
	}
}

// TestSince: how long a trouble lasts is worth a word after a minute.
func TestSince(t *testing.T) {
	for seconds, want := range map[float64]string{0: "", 59.9: "", 60: " for 60 s", 600: " for 10 min"} {
		if got := since(&Registry{TroubleSeconds: seconds}); got != want {
			t.Errorf("%v: got %q, want %q", seconds, got, want)
		}
	}
	for seconds, want := range map[float64]string{-1: "", 0: "", 0.5: "; next attempt in 500 ms", 61: "; next attempt in 61 s"} {
		if got := nextTry(&Registry{NextTrySeconds: seconds}); got != want {
			t.Errorf("%v: got %q, want %q", seconds, got, want)
		}
	}
}

// TestEnding: what ends first is told first, and the end of the registry's own certificate never
// breaks anything by itself.
func TestEnding(t *testing.T) {
	r := working()
	r.Expiries = []Expiry{
		{What: "registry's certificate", Near: Broken, In: -3600},
		{What: "password", Ours: true, Near: Look, In: 3600},
		{What: "our certificate", File: "a.pem", Ours: true, Near: Broken, In: -60},
		{What: "our certificate", File: "b.pem", Ours: true, Near: Broken, In: -1},
	}
	if f := expired(&r); f == nil || *f != (Finding{Broken, "expiry", whoseConfig, "our certificate expired 60 s ago", "renew it: a.pem"}) {
		t.Errorf("expired: got %+v", f)
	}
	want := Finding{Look, "expiry", whoseRegistry, "registry's certificate expired 60 min ago", "tell the registry: new sessions fail from then on"}
	if f := expiring(&r); f == nil || *f != want {
		t.Errorf("expiring: got %+v, want %+v", f, want)
	}
	for in, text := range map[float64]string{0: "x expired 0 s ago", 0.001: "x expires in 1 ms", -0.001: "x expired 1 ms ago"} {
		if f := (&Expiry{What: "x", In: in}).finding("a"); f.Text != text {
			t.Errorf("%v: got %q, want %q", in, f.Text, text)
		}
	}
}

// TestWhyNotSent: every cause that can be the most frequent one has words.
func TestWhyNotSent(t *testing.T) {
	for _, cause := range []pool.Cause{pool.CauseQueueTimeout, pool.CauseRegistryAway, pool.CauseLoginRefused,
		pool.CauseThrottled, pool.CauseAudit, pool.CausePaused, pool.CauseShutdown, pool.CauseNoRoom, pool.CauseBlamed, pool.CauseLedger,
		pool.CauseNoOwner, pool.CauseFenced, pool.CauseMoved} {
		r := working()
		r.Recent.NotSent, r.Recent.NotSentCause = 2, cause.String()
		f := notSent(&r)
		w := whyNotSent[cause.String()]
		if w.why == "" || f.Whose != w.whose || f.Text != "2 commands not sent in the last ten minutes"+w.why+"; clients were told that it is safe to repeat" {
			t.Errorf("%v: got %+v", cause, f)
		}
	}
}

// TestSilentWords: a registry that answers nothing is broken, one that answers some is not, and a
// session that fell silent without a command is the network's as much.
func TestSilentWords(t *testing.T) {
	for _, tt := range []struct {
		timeouts, unknown, answered uint64
		want                        Finding
	}{
		{1, 0, 0, Finding{Gravity: Look, Whose: whoseNetwork}},
		{1, 0, 9, Finding{Gravity: Look, Whose: whoseNetwork}},
		{2, 1, 0, Finding{Gravity: Broken, Whose: whoseRegistry}},
		{2, 1, 1, Finding{Gravity: Look, Whose: whoseRegistry}},
	} {
		r := working()
		r.Minute = Window{Timeouts: tt.timeouts, Unknown: tt.unknown, Transforms: tt.answered}
		if f := silent(&r); f.Gravity != tt.want.Gravity || f.Whose != tt.want.Whose {
			t.Errorf("%+v: got %+v", tt, f)
		}
	}
}

// TestSessionsEndWords: the registry is at fault when more than half ended by its own answers.
func TestSessionsEndWords(t *testing.T) {
	for _, tt := range []struct {
		lost, codes, logins uint64
		whose, tail         string
	}{
		{4, 0, 0, whoseNetwork, ""},
		{4, 2, 0, whoseNetwork, ", 2 of them by an answer x5xx"},
		{4, 3, 1, whoseRegistry, ", 3 of them by an answer x5xx"},
		{4, 0, 4, whoseNetwork, ", 4 of them by forgetting the login"},
	} {
		r := working()
		r.Recent.LostSessions, r.Recent.CodeCloses, r.Recent.LoginsLost = tt.lost, tt.codes, tt.logins
		if f := sessionsEnd(&r); f.Whose != tt.whose || f.Text != "registry or network ended 4 sessions in the last ten minutes"+tt.tail {
			t.Errorf("%+v: got %+v", tt, f)
		}
	}
}

// TestFullest: of several limits the one that held back the longest is named.
func TestFullest(t *testing.T) {
	limits := []Limit{{Name: "a", LimitedRatio: 0.3}, {Name: "b", LimitedRatio: 0.6}, {Name: "c", LimitedRatio: 0.9, Shadow: true}, {Name: "d", LimitedRatio: 0.6}}
	if l := fullest(limits); l == nil || l.Name != "b" {
		t.Errorf("got %+v, want b", l)
	}
	if l := fullest(limits[2:3]); l != nil {
		t.Errorf("got %+v, want none", l)
	}
}

// TestWell: there are words for a quiet registry and for a busy one.
func TestWell(t *testing.T) {
	r := working()
	r.Sessions.Idle = 1
	if got, want := well(&r), "all well: 1 session, 2 commands/s, answered in 4 ms (p50)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Minute = Window{Seconds: 60}
	if got, want := well(&r), "all well: 1 session, no commands in the last minute"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHoardedWords: one client was, several were.
func TestHoardedWords(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 clients were closed", 1: "1 client was closed", 2: "2 clients were closed"} {
		r := working()
		r.Clients.Memory, r.Clients.MaxMemory, r.Recent.Hoarders = 5<<19, 10<<20, n
		r.Recent.NotSentCause = "no_room"
		if got := hoarded(&r).Text; got != "too much is held for all clients together: 2.5 MiB of 10; beyond that those that hold most give way, and "+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSessionsEndOthers: what is blamed on clients is not put down to the config or the network.
func TestSessionsEndOthers(t *testing.T) {
	for _, tt := range []struct {
		lost, codes, logins, blamed, blamedCodes uint64
		whose, text                              string
	}{
		{9, 6, 0, 6, 6, whoseNetwork, "registry or network ended 3 sessions in the last ten minutes"},
		{9, 6, 0, 3, 3, whoseNetwork, "registry or network ended 6 sessions in the last ten minutes, 3 of them by an answer x5xx"},
		{9, 8, 0, 4, 4, whoseRegistry, "registry or network ended 5 sessions in the last ten minutes, 4 of them by an answer x5xx"},
		{9, 4, 3, 5, 4, whoseNetwork, "registry or network ended 4 sessions in the last ten minutes, 3 of them by forgetting the login"},
	} {
		r := working()
		r.Recent.LostSessions, r.Recent.CodeCloses, r.Recent.LoginsLost = tt.lost, tt.codes, tt.logins
		r.Recent.Blamed, r.Recent.BlamedCodeCloses = tt.blamed, tt.blamedCodes
		if f := sessionsEnd(&r); f == nil || f.Whose != tt.whose || f.Text != tt.text {
			t.Errorf("%+v: got %+v", tt, f)
		}
	}
}
