package status

import (
	"fmt"
	"math"
	"strings"

	"eppmux/upstream/pool"
)

// Rules about the sessions with the registry: whether there are any, and why not.

// stalled finds an event loop that does not answer. Then nothing else can be known.
func stalled(r *Registry) *Finding {
	if r.Answers {
		return nil
	}
	return &Finding{Broken, "stalled", whoseEppmux,
		"the event loop of this registry does not answer; what is shown is old",
		"look at the host's processors and memory, and at the log; report it"}
}

// paused finds that the operator has stopped the account.
func paused(r *Registry) *Finding {
	if !r.Answers || !r.Paused {
		return nil
	}
	text := "paused by the operator: nothing is sent"
	if r.Queue.Length > 0 {
		text += fmt.Sprintf(", %s waiting", count(uint64(r.Queue.Length), "command"))
	}
	return &Finding{Broken, "paused", whoseOperator, text, "eppmux ctl resume " + r.Name}
}

// sessionless reports whether no session is logged in although one should be.
func sessionless(r *Registry) bool { return r.Answers && !r.Paused && !r.Ready }

// noSession finds that no session is logged in, and why the last attempt to open one failed.
func noSession(r *Registry) *Finding {
	if !sessionless(r) || r.TroubleReason == "" {
		return nil
	}
	return opening(r, Broken)
}

// spent finds that no session can be opened since a limit that counts logins is used up.
func spent(r *Registry) *Finding {
	if !sessionless(r) || r.Spent == nil {
		return nil
	}
	name, key := r.Spent.Limit, "rate_limits"
	for i := range r.Limits { // a reload may have taken it out
		if l := &r.Limits[i]; l.Name == name {
			name += fmt.Sprintf(" (%d per %s)", l.Limit, Per(l.PerSeconds))
			key += fmt.Sprintf("[%d]", l.Index)
			break
		}
	}
	return &Finding{Broken, "limit_spent", whoseConfig,
		"limit " + name + " counts logins and is used up: no session can be opened for " + Span(r.Spent.ForSeconds),
		"if the registry does not count logins there, name what it counts in " + key + ".commands, then reload"}
}

// connecting finds that no session is logged in, although no attempt has failed yet.
func connecting(r *Registry) *Finding {
	if !sessionless(r) || r.Trouble != "" || r.Spent != nil {
		return nil
	}
	return &Finding{Broken, "connecting", "", "no session is open: connecting" + nextTry(r), ""}
}

// ungreeted finds that the registry's greeting cannot be passed on, so that clients have none or an
// old one, although sessions are logged in.
func ungreeted(r *Registry) *Finding {
	if !r.Answers || r.GreetingFault == "" {
		return nil
	}
	f := &Finding{Look, "greeting_unfit", whoseRegistry,
		"registry's new greeting is not passed on, clients get the one before it: " + r.GreetingFault,
		"tell the registry"}
	if r.Ungreeted {
		f.Gravity = Broken
		f.Text = "clients are not greeted: registry's greeting cannot be passed on: " + r.GreetingFault
		f.Do += "; clients are closed after timeouts.greeting until it sends another one"
	}
	return f
}

// fewerSessions finds that some sessions are logged in, and that the registry refuses more.
func fewerSessions(r *Registry) *Finding {
	s := &r.Sessions
	if !r.Ready || s.Allowed >= s.Max {
		return nil
	}
	how := "2502"
	if r.TroubleReason == pool.CauseRegistryClosed.String() {
		how = "it ends further ones at the login"
	}
	return &Finding{Look, "fewer_sessions", whoseRegistry,
		fmt.Sprintf("registry grants only %d of %d sessions (%s)", s.Allowed, s.Max, how),
		"end what else uses the account, or lower sessions.max"}
}

// refusing finds sessions that may have lost their login without a word: their last answers to clients
// were all such as a session without a login gives, and nothing has shown since that they are logged in.
func refusing(r *Registry) *Finding {
	n := r.Sessions.Refusing
	if !r.Ready || n == 0 {
		return nil
	}
	return &Finding{Look, "refusing", whoseRegistry,
		fmt.Sprintf("%d of %d sessions answer every command by 2002, 2200, 2201 or 2202: not logged in, or no right",
			n, r.Sessions.LoggedIn()),
		"eppmux ctl reconnect " + r.Name + "; if that does not help, ask the registry"}
}

// failing finds sessions that have answered nothing but 2400 lately. Where others work, they are replaced.
func failing(r *Registry) *Finding {
	n := r.Sessions.Failing
	if !r.Ready || n == 0 {
		return nil
	}
	return &Finding{Look, "failing", whoseRegistry,
		fmt.Sprintf("%d of %d sessions answer every command by 2400", n, r.Sessions.LoggedIn()),
		"look whether it is one client's commands, in the audit log; otherwise ask the registry"}
}

// otherServices finds sessions that are logged in with other services than the registry offers now. They
// are being replaced; if that lasts, new sessions do not come in.
func otherServices(r *Registry) *Finding {
	n := r.Sessions.OtherServices
	if !r.Ready || n == 0 {
		return nil
	}
	return &Finding{Look, "other_services", whoseRegistry,
		count(uint64(n), "session") + " logged in with other services than the registry offers now, until replaced",
		"the log names what is new and what is gone; see that your programs know"}
}

// pollRefused finds that the registry refuses our own polls on sessions that are logged in.
func pollRefused(r *Registry) *Finding {
	if !r.Answers || !r.Sessions.PollRefused {
		return nil
	}
	return &Finding{Look, "poll_refused", whoseConfig,
		"registry refuses our polls on sessions that are logged in; a lost login is known by its words only",
		"ask the registry for the right to poll; until then keepalive_command: hello"}
}

// idleEnds finds that sessions end behind silence, always behind the same.
func idleEnds(r *Registry) *Finding {
	if r.IdleLimitSeconds <= 0 {
		return nil
	}
	return &Finding{Look, "idle_limit", whoseConfig, "sessions end after " + Span(r.IdleLimitSeconds) + " of silence",
		"set sessions.keepalive below " + Span(math.Floor(r.IdleLimitSeconds))}
}

// unopened finds that some sessions are logged in, and that others cannot be opened. It leaves two
// causes to other rules: a registry that refuses more sessions, or ends them at the login, to
// fewerSessions, and one that ends them by an answer to sessionsEnd.
func unopened(r *Registry) *Finding {
	switch r.TroubleReason {
	case "", pool.CauseTooManySessions.String(), pool.CauseCodeCloses.String():
		return nil
	}
	if !r.Ready || r.TroubleReason == pool.CauseRegistryClosed.String() && r.Sessions.Allowed < r.Sessions.Max {
		return nil
	}
	f := opening(r, Look)
	f.Text += fmt.Sprintf("; %d of %d sessions go on", r.Sessions.LoggedIn(), r.Sessions.Max)
	return f
}

// trouble is how a failed attempt to open a session is told. What the registry said follows the
// text.
type trouble struct {
	rule, whose, text, do string
	login                 bool // the text names the login, so the error need not
}

// troubles are by the cause of the log.
var troubles = map[string]trouble{
	pool.CauseLoginRefused.String(): {"login_refused", whoseConfig, "registry refuses our login",
		"correct login in the config, then reload", true},
	pool.CauseTooManySessions.String(): {"no_session_granted", whoseRegistry, "registry grants no session (2502)",
		"end what else uses the account, or ask the registry to end old sessions", true},
	pool.CauseTLS.String(): {"certificate", whoseConfig, "no TLS connection with the registry",
		"compare certificates, source address and TLS versions with what the registry has on file or asks for", false},
	pool.CauseConnect.String(): {"not_reachable", whoseNetwork, "registry not reachable",
		"check address, name look-up and route; ask the registry", false},
	pool.CauseGreeting.String(): {"no_greeting", whoseRegistry, "registry does not greet",
		"ask the registry: it takes connections and does not greet; is our source address on file?", false},
	pool.CauseCodeCloses.String(): {"ended", whoseRegistry, "registry ended the last session by its answer",
		"compare rate_limits with what it allows; ask the registry", false},
}

// otherTrouble is any cause that troubles does not have.
var otherTrouble = trouble{"login_failed", whoseRegistry, "login fails", "ask the registry", true}

// ownCounted is 2502 that is most likely due to a session of our own.
var ownCounted = trouble{"own_session_counted", whoseRegistry,
	"registry still counts a session of ours that has ended (2502)", "wait", true}

// opening says why sessions cannot be opened, and for how long that has been so.
func opening(r *Registry, g Gravity) *Finding {
	t, known := troubles[r.TroubleReason]
	switch {
	case !known:
		t = otherTrouble
	case r.OwnCounted:
		t = ownCounted
	}
	says := since(r) + ": " + r.Trouble
	if t.login {
		says = strings.Replace(says, ": login: ", ": ", 1)
	}
	return &Finding{g, t.rule, t.whose, t.text + says, t.do + nextTry(r)}
}

// since says for how long no session could be opened, where it is long enough for a word.
func since(r *Registry) string {
	if r.TroubleSeconds < 60 {
		return ""
	}
	return " for " + Span(r.TroubleSeconds)
}

func nextTry(r *Registry) string {
	if r.NextTrySeconds <= 0 {
		return ""
	}
	return "; next attempt in " + Span(r.NextTrySeconds)
}

// sessionsEnd finds sessions that ended young. One or two may end at any time. It leaves those that are
// blamed on clients to endsSessions.
func sessionsEnd(r *Registry) *Finding {
	w := &r.Recent
	lost, codes := less(w.LostSessions, w.Blamed), less(w.CodeCloses, w.BlamedCodeCloses)
	if lost < 3 {
		return nil
	}
	text := fmt.Sprintf("registry or network ended %s in the last ten minutes", count(lost, "session"))
	switch {
	case codes > 0:
		text += fmt.Sprintf(", %d of them by an answer x5xx", codes)
	case w.LoginsLost > 0:
		text += fmt.Sprintf(", %d of them by forgetting the login", w.LoginsLost)
	}
	if 2*codes > lost {
		return &Finding{Look, "sessions_end", whoseRegistry, text,
			"often more commands than it allows: compare rate_limits; or ask the registry"}
	}
	return &Finding{Look, "sessions_end", whoseNetwork, text,
		"lower keepalive or max_age below the registry's limits; where it does not take hello, set " +
			"keepalive_command: poll; or ask the registry"}
}

// expired finds something of ours that is over: the next session cannot be opened.
func expired(r *Registry) *Finding { return ending(r, Broken) }

// expiring finds something that ends soon, or the certificate of the registry if it is over.
func expiring(r *Registry) *Finding { return ending(r, Look) }

// ending tells of the soonest end among those of a gravity.
func ending(r *Registry, g Gravity) *Finding {
	for i := range r.Expiries {
		if e := &r.Expiries[i]; e.gravity() == g {
			return e.finding(r.Name)
		}
	}
	return nil
}

// gravity is how grave the end is. The end of the registry's own certificate is never worse than
// Look: it is not for us to renew, and what it breaks is told when it breaks.
func (e *Expiry) gravity() Gravity {
	if e.Ours {
		return e.Near
	}
	return min(e.Near, Look)
}

func (e *Expiry) finding(registry string) *Finding {
	f := &Finding{Gravity: e.gravity(), Rule: "expiry", Whose: whoseConfig}
	switch {
	case !e.Ours:
		f.Whose, f.Do = whoseRegistry, "tell the registry: new sessions fail from then on"
	case e.What == whatPassword:
		f.Do = "eppmux passwd --registry " + registry
	default:
		f.Do = "renew it: " + e.File
	}
	if e.In > 0 {
		f.Text = e.What + " expires in " + Span(e.In)
	} else {
		f.Text = e.What + " expired " + Span(-e.In) + " ago"
	}
	return f
}

// loginWarning finds a warning that the registry gave at the login. A warning with a date is among
// the expiries instead.
func loginWarning(r *Registry) *Finding {
	for _, e := range r.LoginSays {
		if e.Expires != nil {
			continue
		}
		text := strings.TrimSuffix(fmt.Sprintf("registry warns of the login (%s): %s", e.Type, e.Text), ": ")
		return &Finding{Look, "login_event", whoseConfig, text, "do what it says"}
	}
	return nil
}
