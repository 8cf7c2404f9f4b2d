package admin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"eppmux/upstream"
)

// Whose fault something is, as far as it can be told.
const (
	whoseRegistry = "the registry"
	whoseNetwork  = "the network or the registry"
	whoseConfig   = "our config"
	whoseClients  = "our clients"
	whoseOperator = "the operator"
	whoseEppmux   = "eppmux or its host"
	whoseHost     = "our host"
)

// judge says what there is to say about r, the gravest first, and never nothing. It is pure: all it
// looks at is r.
func judge(r *Registry, stopping bool) []Finding {
	var all []Finding
	for _, rule := range rules {
		if f, ok := rule(r); ok {
			all = append(all, f)
		}
	}
	if stopping {
		all = append(all, Finding{Broken, "stopping", whoseOperator, "eppmux is stopping: what waits is answered, nothing new is taken", ""})
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(b.Gravity, a.Gravity) })
	if len(all) == 0 {
		all = append(all, Finding{Gravity: OK, Rule: "well", Text: well(r)})
	}
	return all
}

// rules are all there are. Where two find the same gravity, the one that stands first is the
// verdict: causes stand before what follows from them.
var rules = []func(*Registry) (Finding, bool){
	stalled, paused, noSession, unrecorded, silent, connecting, expired, throttled, refusedSession, unopened, notTaken, hoarded,
	held, crowded, slow, unknown, gap, notSent, outOfStep, endYoung, expiring, loginSays, faulty, atFault, almostFull,
}

func well(r *Registry) string {
	text := "all well: " + count(uint64(r.Sessions.LoggedIn()), "session") + ", "
	if r.Minute.Answered() == 0 {
		return text + "no commands in the last minute"
	}
	return fmt.Sprintf("%s%s commands/s, answered in %s (p50)", text, number(r.Minute.PerSecond()), quantileText(r.Minute.RTT.P50))
}

// stalled: nothing else can be known then.
func stalled(r *Registry) (Finding, bool) {
	return Finding{Broken, "stalled", whoseEppmux, "the event loop of this registry does not answer; what is shown is old",
		"look at the host's processors and memory, and at the log; report it"}, !r.Answers
}

func paused(r *Registry) (Finding, bool) {
	text := "paused by the operator: nothing is sent"
	if r.Queue.Length > 0 {
		text += fmt.Sprintf(", %s waiting", count(uint64(r.Queue.Length), "command"))
	}
	return Finding{Broken, "paused", whoseOperator, text, "eppmux ctl resume " + r.Name}, r.Answers && r.Paused
}

// noSession says why there is none that could carry a command.
func noSession(r *Registry) (Finding, bool) {
	f, known := opening(r, Broken)
	return f, r.Answers && !r.Paused && !r.Ready && known
}

// connecting: there is none, and nothing is known to be wrong.
func connecting(r *Registry) (Finding, bool) {
	return Finding{Broken, "connecting", "", "no session yet: connecting" + nextTry(r), ""},
		r.Answers && !r.Paused && !r.Ready && r.Trouble == ""
}

// opening says why sessions cannot be opened, and for how long that has been so.
func opening(r *Registry, g Gravity) (f Finding, ok bool) {
	says, next := since(r)+": "+r.Trouble, nextTry(r)
	f.Gravity = g
	switch r.TroubleReason {
	case upstream.CauseLoginRefused.String():
		f.Rule, f.Whose, f.Do = "login_refused", whoseConfig, "correct login in the config, then reload"+next
		f.Text = "registry refuses our login" + trimStep(says)
	case upstream.CauseTooManySessions.String():
		f.Rule, f.Whose, f.Do = "no_session_granted", whoseRegistry, "end what else uses the account, or ask the registry to end old sessions"+next
		f.Text = "registry grants no session (2502)" + trimStep(says)
	case upstream.CauseTLS.String():
		f.Rule, f.Whose, f.Do = "certificate", whoseConfig, "compare certificates and source address with what the registry has on file"+next
		f.Text = "certificate or address not accepted" + says
	case upstream.CauseConnect.String():
		f.Rule, f.Whose, f.Do = "not_reachable", whoseNetwork, "check address, name look-up and route; ask the registry"+next
		f.Text = "registry not reachable" + says
	case upstream.CauseGreeting.String():
		f.Rule, f.Whose, f.Do = "no_greeting", whoseRegistry, "ask the registry: it takes connections and says nothing useful"+next
		f.Text = "registry does not greet" + says
	case upstream.CauseCodeCloses.String():
		f.Rule, f.Whose, f.Do = "ended", whoseRegistry, "compare rate_limits with what it allows; ask the registry"+next
		f.Text = "registry ended the last session by its answer" + says
	case "":
		return f, false
	default:
		f.Rule, f.Whose, f.Do = "login_failed", whoseRegistry, "ask the registry"+next
		f.Text = "login fails" + trimStep(says)
	}
	return f, true
}

// trimStep leaves the step out of an error that the sentence has named.
func trimStep(says string) string { return strings.Replace(says, ": login: ", ": ", 1) }

// since says for how long no session could be opened, where it is long enough for a word.
func since(r *Registry) string {
	if r.TroubleSeconds < 60 {
		return ""
	}
	return " for " + span(r.TroubleSeconds)
}

func nextTry(r *Registry) string {
	if r.NextTrySeconds <= 0 {
		return ""
	}
	return "; next attempt in " + span(r.NextTrySeconds)
}

// expired: the next session cannot be opened.
func expired(r *Registry) (Finding, bool) { return ending(r, Broken) }

func expiring(r *Registry) (Finding, bool) { return ending(r, Look) }

// ending is about the soonest end of those of a gravity; one of the registry's own is never worse
// than Look.
func ending(r *Registry, g Gravity) (Finding, bool) {
	for _, e := range r.Expiries {
		near, do := e.Near, "renew it: "+e.File
		switch {
		case !e.Ours:
			near, do = min(near, Look), "tell the registry: new sessions fail from then on"
		case e.What == whatPassword:
			do = "eppmux passwd --registry " + r.Name
		}
		if near != g {
			continue
		}
		whose := whoseConfig
		if !e.Ours {
			whose = whoseRegistry
		}
		text := e.What + " expires in " + span(e.In)
		if e.In <= 0 {
			text = e.What + " expired " + span(-e.In) + " ago"
		}
		return Finding{g, "expiry", whose, text, do}, true
	}
	return Finding{}, false
}

// silent: sessions are there, and the registry leaves commands, or the keepalives of idle sessions,
// without an answer.
func silent(r *Registry) (Finding, bool) {
	n := r.Minute.Timeouts
	f := Finding{Look, "silent", whoseRegistry, fmt.Sprintf("registry left %s without an answer in the last minute", count(n, "command")),
		"ask the registry; outcomes of transforms are unknown, see below"}
	switch {
	case r.Minute.Unknown == 0:
		f.Whose, f.Do = whoseNetwork, "if it comes often: a firewall may forget idle connections, lower keepalive; or ask the registry"
		f.Text = fmt.Sprintf("%s fell silent in the last minute: no answer from registry or network in time; no command of a client was lost", count(n, "session"))
	case r.Minute.Answered() == 0:
		f.Gravity, f.Text = Broken, fmt.Sprintf("registry does not answer: %s without an answer in the last minute, none with one", count(n, "command"))
	}
	return f, r.Answers && n > 0
}

func throttled(r *Registry) (Finding, bool) {
	n := r.Minute.Throttled
	text := "registry wants fewer commands: " + count(n, "refusal") + " for their number in the last minute"
	if r.Queue.PauseSeconds > 0 {
		text += "; nothing is sent for " + span(r.Queue.PauseSeconds)
	}
	return Finding{Look, "throttled", whoseConfig, text, "lower rate_limits below what the registry allows, then reload"}, n > 0 || r.Queue.PauseSeconds > 0
}

// refusedSession: there are some, and the registry refuses more.
func refusedSession(r *Registry) (Finding, bool) {
	s := &r.Sessions
	return Finding{Look, "fewer_sessions", whoseRegistry, fmt.Sprintf("registry grants only %d of %d sessions (2502)", s.Allowed, s.Max),
		"end what else uses the account, or lower sessions.max"}, r.Ready && s.Allowed < s.Max
}

// unopened: those that are there work, and others cannot be opened.
func unopened(r *Registry) (Finding, bool) {
	f, known := opening(r, Look)
	f.Text += fmt.Sprintf("; %d of %d sessions go on", r.Sessions.LoggedIn(), r.Sessions.Max)
	return f, r.Ready && known && r.TroubleReason != upstream.CauseTooManySessions.String() && r.TroubleReason != upstream.CauseCodeCloses.String()
}

// waits says whether commands wait noticeably: now, or in the last minute.
func waits(r *Registry) bool {
	p99 := r.Minute.Wait.P99
	return r.Queue.OldestSeconds >= noticeable || p99 != nil && *p99 >= noticeable
}

const (
	noticeable = 0.25 // seconds of wait that are worth a word
	sluggish   = 1.0  // seconds of a registry that is slow
)

// held: a limit is what commands wait for.
func held(r *Registry) (Finding, bool) {
	best := -1
	for i := range r.Limits {
		if l := &r.Limits[i]; !l.Shadow && l.LimitedRatio >= 0.2 && (best < 0 || l.LimitedRatio > r.Limits[best].LimitedRatio) {
			best = i
		}
	}
	if best < 0 || !r.Ready || !waits(r) {
		return Finding{}, false
	}
	l := &r.Limits[best]
	text := fmt.Sprintf("limit %s is what commands wait for: %d per %s, it held them back for %.0f %% of the last minute", l.Name, l.Limit, per(l.PerSeconds), 100*l.LimitedRatio)
	return Finding{Look, "limit", whoseConfig, text + waiting(r),
		fmt.Sprintf("send less, or raise rate_limits[%d] if the registry allows more", l.Index)}, true
}

func waiting(r *Registry) string {
	if r.Queue.Length == 0 {
		return ""
	}
	return fmt.Sprintf("; %d waiting, the oldest for %s", r.Queue.Length, span(r.Queue.OldestSeconds))
}

// full says whether all sessions work, and commands wait all the same.
func full(r *Registry) bool {
	s := &r.Sessions
	return r.Ready && waits(r) && s.Idle == 0 && s.Busy >= s.Allowed
}

// crowded: all sessions work, and that is not enough.
func crowded(r *Registry) (Finding, bool) {
	s := &r.Sessions
	if !full(r) {
		return Finding{}, false
	}
	f := Finding{Look, "sessions", whoseConfig, fmt.Sprintf("all %s busy", count(uint64(s.Busy), "session")), "more sessions, if the registry grants them, or fewer commands"}
	if p50 := r.Minute.RTT.P50; p50 != nil && *p50 >= sluggish {
		f.Whose, f.Do = whoseRegistry, "ask the registry why; more sessions help if it grants them"
		f.Text += fmt.Sprintf(", registry answers slowly (p50 %s)", quantileText(p50))
	}
	f.Text += waiting(r)
	return f, true
}

func slow(r *Registry) (Finding, bool) {
	p50 := r.Minute.RTT.P50
	return Finding{Look, "slow", whoseRegistry, fmt.Sprintf("registry answers slowly (p50 %s)", quantileText(p50)), "ask the registry; compare eppmux send --direct --repeat"},
		r.Ready && p50 != nil && *p50 >= sluggish && !full(r)
}

func quantileText(v *float64) string {
	if v == nil {
		return "–"
	}
	return span(*v)
}

func unknown(r *Registry) (Finding, bool) {
	n := r.Recent.UnknownTransforms
	return Finding{Look, "unknown", whoseRegistry, fmt.Sprintf("%s with unknown outcome in the last ten minutes", count(n, "transform")),
		"look each up at the registry before anybody repeats it: eppmux audit --unknown --since 10m, or the log, has them"}, n > 0
}

// whyNotSent is, by the cause of the log, why commands were not sent and whose that was.
var whyNotSent = map[string]struct{ whose, why string }{
	upstream.CauseQueueTimeout.String(): {whoseConfig, ": no session or limit was free in time"},
	upstream.CauseRegistryAway.String(): {whoseNetwork, ": registry was not reachable"},
	upstream.CauseLoginRefused.String(): {whoseConfig, ": registry refused our login"},
	upstream.CauseThrottled.String():    {whoseConfig, ": registry wanted fewer commands"},
	upstream.CauseAudit.String():        {whoseHost, ": the audit log could not be written"},
	upstream.CausePaused.String():       {whoseOperator, ": paused by the operator"},
	upstream.CauseShutdown.String():     {whoseOperator, ": eppmux is stopping"},
	upstream.CauseNoRoom.String():       {whoseClients, ": too much was held for all clients together"},
}

func notSent(r *Registry) (Finding, bool) {
	n, w := r.Recent.NotSent, whyNotSent[r.Recent.NotSentCause]
	return Finding{Look, "not_sent", w.whose, fmt.Sprintf("%s not sent in the last ten minutes%s; clients were told that it is safe to repeat", count(n, "command"), w.why), ""}, n > 0
}

func outOfStep(r *Registry) (Finding, bool) {
	w := &r.Recent
	what := counted(countedAs{w.NotEPP, "broken message"}, countedAs{w.Unasked, "unasked message"}, countedAs{less(w.Desync, w.NotEPP+w.Unasked), "mismatched answer"})
	return Finding{Look, "desync", whoseRegistry, fmt.Sprintf("registry sent %s in the last ten minutes; no client got any", what),
		"tell the registry; the log has the sessions"}, w.Desync > 0
}

// countedAs is a number of things.
type countedAs struct {
	n   uint64
	one string
}

// counted lists those that there are.
func counted(all ...countedAs) string {
	var text []string
	for _, c := range all {
		if c.n > 0 {
			text = append(text, count(c.n, c.one))
		}
	}
	return strings.Join(text, ", ")
}

// endYoung: a session or two may end at any time.
func endYoung(r *Registry) (Finding, bool) {
	w := &r.Recent
	f := Finding{Look, "sessions_end", whoseNetwork, fmt.Sprintf("registry or network ended %s in the last ten minutes", count(w.LostSessions, "session")),
		"lower keepalive or max_age below the registry's limits, or ask the registry"}
	switch {
	case w.CodeCloses > 0:
		f.Text += fmt.Sprintf(", %d of them by an answer x5xx", w.CodeCloses)
	case w.LoginsLost > 0:
		f.Text += fmt.Sprintf(", %d of them by forgetting the login", w.LoginsLost)
	}
	if 2*w.CodeCloses > w.LostSessions {
		f.Whose, f.Do = whoseRegistry, "often more commands than it allows: compare rate_limits; or ask the registry"
	}
	return f, w.LostSessions >= 3
}

// loginSays is what else the registry said at the login.
func loginSays(r *Registry) (Finding, bool) {
	for _, e := range r.LoginSays {
		if e.Expires == nil {
			return Finding{Look, "login_event", whoseConfig, strings.TrimSuffix(fmt.Sprintf("registry warns of the login (%s): %s", e.Type, e.Text), ": "), "do what it says"}, true
		}
	}
	return Finding{}, false
}
