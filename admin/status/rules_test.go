package status

import (
	"slices"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Registry)
		g      Gravity
		rule   string
		whose  string
		text   string
		do     string
	}{
		{"well", func(r *Registry) {}, OK, "well", "", "all well: 3 sessions, 2 commands/s, answered in 4 ms (p50)", ""},
		{"idle", func(r *Registry) { r.Minute = Window{Seconds: 60} }, OK, "well", "", "all well: 3 sessions, no commands in the last minute", ""},
		{"stalled", func(r *Registry) { r.Answers, r.Ready = false, false }, Broken, "stalled", whoseEppmux, "the event loop of this registry does not answer; what is shown is old",
			"look at the host's processors and memory, and at the log; report it"},
		{"paused", func(r *Registry) { r.Paused, r.Ready, r.Queue.Length = true, false, 2 }, Broken, "paused", whoseOperator,
			"paused by the operator: nothing is sent, 2 commands waiting", "eppmux ctl resume a"},
		{"refused", down("login_refused", `login: result code 2200: "no"`, 720), Broken, "login_refused", whoseConfig,
			`registry refuses our login: result code 2200: "no"`, "correct login in the config, then reload; next attempt in 12 min"},
		{"all taken", down("too_many_sessions", "login: result code 2502", 30), Broken, "no_session_granted", whoseRegistry,
			"registry grants no session (2502): result code 2502", "end what else uses the account, or ask the registry to end old sessions; next attempt in 30 s"},
		{"certificate", down("tls", "tls: expired", 0), Broken, "certificate", whoseConfig, "no TLS connection with the registry: tls: expired",
			"compare certificates, source address and TLS versions with what the registry has on file or asks for"},
		{"away", down("connect", "connect: refused", 8), Broken, "not_reachable", whoseNetwork, "registry not reachable: connect: refused",
			"check address, name look-up and route; ask the registry; next attempt in 8 s"},
		{"no greeting", down("greeting", "greeting: no answer in time", 0), Broken, "no_greeting", whoseRegistry, "registry does not greet: greeting: no answer in time",
			"ask the registry: it takes connections and does not greet; is our source address on file?"},
		{"login fails", down("registry_closed", "login: result code 2400", 0), Broken, "login_failed", whoseRegistry, "login fails: result code 2400", "ask the registry"},
		{"ended", down("code_closes", "result code 2500", 0), Broken, "ended", whoseRegistry, "registry ended the last session by its answer: result code 2500",
			"compare rate_limits with what it allows; ask the registry"},
		{"away for long", func(r *Registry) { down("connect", "connect: refused", 8)(r); r.TroubleSeconds = 300 }, Broken, "not_reachable", whoseNetwork,
			"registry not reachable for 5 min: connect: refused", "check address, name look-up and route; ask the registry; next attempt in 8 s"},
		{"connecting", down("", "", 3), Broken, "connecting", "", "no session is open: connecting; next attempt in 3 s", ""},
		{"limit spent", func(r *Registry) {
			down("", "", 11_520)(r)
			r.Limits, r.Spent = []Limit{{Name: "checks"}, {Name: "all", Index: 1, Limit: 1000, PerSeconds: 86_400}}, &Spent{"all", 11_520}
		}, Broken, "limit_spent", whoseConfig, "limit all (1000 per 24h) counts logins and is used up: no session can be opened for 3 h",
			"if the registry does not count logins there, name what it counts in rate_limits[1].commands, then reload"},
		{"limit spent, and the registry away", func(r *Registry) {
			down("connect", "connect: refused", 60)(r)
			r.Limits, r.Spent = []Limit{{Name: "all", Limit: 9, PerSeconds: 60}}, &Spent{"all", 60}
		}, Broken, "limit_spent", whoseConfig, "limit all (9 per 1m) counts logins and is used up: no session can be opened for 60 s",
			"if the registry does not count logins there, name what it counts in rate_limits[0].commands, then reload"},
		{"silent", func(r *Registry) { r.Minute.Timeouts, r.Minute.Unknown, r.Minute.Queries = 4, 1, 0 }, Broken, "silent", whoseRegistry,
			"registry does not answer: 4 commands without an answer in the last minute, none with one", "ask the registry; outcomes of transforms are unknown, see below"},
		{"a keepalive without an answer", func(r *Registry) { r.Minute = Window{Timeouts: 1} }, Look, "silent", whoseNetwork,
			"1 session fell silent in the last minute: no answer from registry or network in time; no command of a client was lost",
			"if it comes often: a firewall may forget idle connections, lower keepalive; or the registry does not answer hello, set keepalive_command: poll; or ask it"},
		{"silent now and then", func(r *Registry) { r.Minute.Timeouts, r.Minute.Unknown = 1, 1 }, Look, "silent", whoseRegistry, "registry left 1 command without an answer in the last minute",
			"ask the registry; outcomes of transforms are unknown, see below"},
		{"expired", func(r *Registry) {
			r.Expiries = []Expiry{{What: "our certificate", File: "c.pem", Ours: true, Near: Broken, In: -7200}}
		}, Broken, "expiry", whoseConfig,
			"our certificate expired 2 h ago", "renew it: c.pem"},
		{"expires", func(r *Registry) {
			r.Expiries = []Expiry{{What: "our certificate", File: "c.pem", Ours: true, Near: Look, In: 6 * 86400}}
		}, Look, "expiry", whoseConfig,
			"our certificate expires in 6 days", "renew it: c.pem"},
		{"password", func(r *Registry) { r.Expiries = []Expiry{{What: whatPassword, Ours: true, Near: Look, In: 3 * 86400}} }, Look, "expiry", whoseConfig,
			"password expires in 3 days", "eppmux passwd --registry a"},
		{"theirs expired", func(r *Registry) { r.Expiries = []Expiry{{What: "registry's certificate", Near: Broken, In: -60}} }, Look, "expiry", whoseRegistry,
			"registry's certificate expired 60 s ago", "tell the registry: new sessions fail from then on"},
		{"throttled", func(r *Registry) { r.Minute.Throttled, r.Queue.PauseSeconds = 3, 2 }, Look, "throttled", whoseConfig,
			"registry wants fewer commands: 3 refusals for their number in the last minute; nothing is sent for 2 s", "lower rate_limits below what the registry allows, then reload"},
		{"fewer sessions", func(r *Registry) {
			r.Sessions.Allowed, r.Sessions.Idle = 2, 2
			r.Trouble, r.TroubleReason = "x", "too_many_sessions"
		}, Look, "fewer_sessions", whoseRegistry,
			"registry grants only 2 of 3 sessions (2502)", "end what else uses the account, or lower sessions.max"},
		{"refusing", func(r *Registry) { r.Sessions.Refusing = 2 }, Look, "refusing", whoseRegistry,
			"2 of 3 sessions answer every command by 2002, 2200, 2201 or 2202: not logged in, or no right", "eppmux ctl reconnect a; if that does not help, ask the registry"},
		{"failing", func(r *Registry) { r.Sessions.Failing = 2 }, Look, "failing", whoseRegistry,
			"2 of 3 sessions answer every command by 2400", "look whether it is one client's commands, in the audit log; otherwise ask the registry"},
		{"other services", func(r *Registry) { r.Sessions.OtherServices = 1 }, Look, "other_services", whoseRegistry,
			"1 session logged in with other services than the registry offers now, until replaced", "the log names what is new and what is gone; see that your programs know"},
		{"poll refused", func(r *Registry) { r.Sessions.PollRefused = true }, Look, "poll_refused", whoseConfig,
			"registry refuses our polls on sessions that are logged in; a lost login is known by its words only", "ask the registry for the right to poll; until then keepalive_command: hello"},
		{"one more fails", func(r *Registry) { r.Sessions.Idle, r.Trouble, r.TroubleReason = 1, "connect: refused", "connect" }, Look, "not_reachable", whoseNetwork,
			"registry not reachable: connect: refused; 1 of 3 sessions go on", "check address, name look-up and route; ask the registry"},
		{"limit", func(r *Registry) {
			r.Queue.Length, r.Queue.OldestSeconds = 7, 1.5
			r.Limits = []Limit{{Index: 0, Limit: 9, LimitedRatio: 0.3}, {Name: "checks", Index: 1, Limit: 100, PerSeconds: 1, LimitedRatio: 0.9}, {Index: 2, LimitedRatio: 1, Shadow: true}}
		}, Look, "limit", whoseConfig, "limit checks is what commands wait for: 100 per 1s, it held them back for 90 % of the last minute; 7 waiting, the oldest for 1.5 s",
			"send less, or raise rate_limits[1] if the registry allows more"},
		{"a limit that harms nobody", func(r *Registry) { r.Limits = []Limit{{LimitedRatio: 0.9}} }, OK, "well", "", "all well: 3 sessions, 2 commands/s, answered in 4 ms (p50)", ""},
		{"sessions", func(r *Registry) { r.Sessions.Idle, r.Sessions.Busy, r.Minute.Wait.P99 = 0, 3, some(2) }, Look, "sessions", whoseConfig,
			"all 3 sessions busy", "more sessions, if the registry grants them, or fewer commands"},
		{"sessions, slow", func(r *Registry) {
			r.Sessions.Idle, r.Sessions.Busy, r.Minute.RTT.P50, r.Queue.Length, r.Queue.OldestSeconds = 0, 3, some(1.8), 4, 3
		}, Look, "sessions", whoseRegistry, "all 3 sessions busy, registry answers slowly (p50 1.8 s); 4 waiting, the oldest for 3 s", "ask the registry why; more sessions help if it grants them"},
		{"slow", func(r *Registry) { r.Minute.RTT.P50 = some(1.8) }, Look, "slow", whoseRegistry, "registry answers slowly (p50 1.8 s)", "ask the registry; compare eppmux send --direct --repeat"},
		{"unknown", func(r *Registry) { r.Recent.UnknownTransforms = 2 }, Look, "unknown", whoseRegistry, "2 transforms with unknown outcome in the last ten minutes",
			"look each up at the registry before anybody repeats it: eppmux audit --unknown --since 10m, or the log, has them"},
		{"unresolved", func(r *Registry) { r.Unresolved = &Unresolved{2, 300} }, Look, "unknown", whoseRegistry,
			"2 transforms with unknown outcome not resolved, the oldest sent 5 min ago",
			"look each up at the registry before anybody repeats it, and tick it off: eppmux audit --unknown, then --resolve"},
		{"not sent", func(r *Registry) { r.Recent.NotSent = 1 }, Look, "not_sent", "", "1 command not sent in the last ten minutes; clients were told that it is safe to repeat", ""},
		{"not sent, for a reason", func(r *Registry) { r.Recent.NotSent, r.Recent.NotSentCause = 2, "registry_away" }, Look, "not_sent", whoseNetwork,
			"2 commands not sent in the last ten minutes: no session with the registry could be opened; clients were told that it is safe to repeat", ""},
		{"out of step", func(r *Registry) { r.Recent.Desync = 1 }, Look, "desync", whoseRegistry, "registry sent 1 mismatched answer in the last ten minutes; no client got any",
			"tell the registry; the log has the sessions"},
		{"out of step in all ways", func(r *Registry) { r.Recent.Desync, r.Recent.NotEPP, r.Recent.Unasked = 4, 2, 1 }, Look, "desync", whoseRegistry,
			"registry sent 2 broken messages, 1 unasked message, 1 mismatched answer in the last ten minutes; no client got any", "tell the registry; the log has the sessions"},
		{"sessions end by answers", func(r *Registry) { r.Recent.LostSessions, r.Recent.CodeCloses = 3, 2 }, Look, "sessions_end", whoseRegistry,
			"registry or network ended 3 sessions in the last ten minutes, 2 of them by an answer x5xx", "often more commands than it allows: compare rate_limits; or ask the registry"},
		{"logins are lost", func(r *Registry) { r.Recent.LostSessions, r.Recent.LoginsLost = 4, 3 }, Look, "sessions_end", whoseNetwork,
			"registry or network ended 4 sessions in the last ten minutes, 3 of them by forgetting the login", "lower keepalive or max_age below the registry's limits; where it does not take hello, set keepalive_command: poll; or ask the registry"},
		{"sessions end", func(r *Registry) { r.Recent.LostSessions = 3 }, Look, "sessions_end", whoseNetwork, "registry or network ended 3 sessions in the last ten minutes",
			"lower keepalive or max_age below the registry's limits; where it does not take hello, set keepalive_command: poll; or ask the registry"},
		{"a client ends sessions", func(r *Registry) {
			r.Culprits = []Culprit{culprit(3, "registry_closed")}
			r.Recent.LostSessions, r.Recent.Blamed, r.Recent.UnknownTransforms = 3, 2, 3
		}, Look, "ends_sessions", whoseClients,
			`3 sessions in a row ended on commands like "create contact-1.0" of client 127.0.0.1:4711 (uid 1000) on tcp://10.0.0.1:700, ` +
				`the last 5 s ago: the registry closed the connection; such commands are held back for 4 s`,
			"mend that client's program, or ask the registry why it ends sessions at such commands"},
		{"login event", func(r *Registry) {
			at := time.Now()
			r.LoginSays = []LoginEvent{{Type: "password", Expires: &at}, {Type: "cipher", Text: "old"}}
		}, Look, "login_event", whoseConfig, "registry warns of the login (cipher): old", "do what it says"},
		{"faulty clients", func(r *Registry) { r.Recent.ClientFaults = 5 }, Look, "client_faults", whoseClients, "clients sent 5 faulty frames in the last ten minutes; none reached the registry", "mend that client's program"},
		{"one faulty client", func(r *Registry) {
			r.Recent.ClientFaults, r.Blame = 1, &Blame{Reason: "faulty_frame", Client: "10.0.0.7:4", Listener: "tcp://10.0.0.1:700"}
		}, Look, "client_faults", whoseClients, "clients sent 1 faulty frame in the last ten minutes; none reached the registry; the last: a frame that is no EPP, by client 10.0.0.7:4 on tcp://10.0.0.1:700",
			"mend that client's program"},
		{"a client closed", func(r *Registry) {
			r.Recent.ClientsClosed, r.Blame = 1, &Blame{Reason: "not_reading", Client: "local", Listener: "unix:///s"}
		}, Look, "clients_closed", whoseClients, "1 client closed for faults of their own in the last ten minutes; the last: answers not read, by client local on unix:///s",
			"mend that client's program; the log names all"},
		{"clients hold much", func(r *Registry) { r.Clients.Memory, r.Clients.MaxMemory = 240<<20, 256<<20 }, Look, "clients_held", whoseClients,
			"too much is held for all clients together: 240 MiB of 256; beyond that those that hold most give way, and 0 clients were closed", "find who sends much and reads little: eppmux ctl clients"},
		{"no greeting to pass on", func(r *Registry) { r.GreetingFault, r.Ungreeted = "it has 300000 octets, more than 262144", true }, Broken, "greeting_unfit", whoseRegistry,
			"clients are not greeted: registry's greeting cannot be passed on: it has 300000 octets, more than 262144", "tell the registry; clients are closed after timeouts.greeting until it sends another one"},
		{"an old greeting", func(r *Registry) { r.GreetingFault = "it has 300000 octets, more than 262144" }, Look, "greeting_unfit", whoseRegistry,
			"registry's new greeting is not passed on, clients get the one before it: it has 300000 octets, more than 262144", "tell the registry"},
		{"no descriptors", func(r *Registry) { r.Recent.AcceptErrors, r.AcceptError = 3, "too many open files" }, Look, "not_taken", whoseHost,
			"clients could not be taken in, 3 times in the last ten minutes: too many open files; who is connected goes on", "raise the limit of open files (ulimit -n, LimitNOFILE), or lower clients.max"},
		{"audit blocks", func(r *Registry) {
			r.Audit = &Audit{File: "a.jsonl", Blocks: true, Failing: true, FailingSeconds: 12, Why: "no space left on device"}
		}, Broken, "audit_fails", whoseHost, "audit log cannot be written for 12 s: no space left on device; transforms are not sent, queries are", "make room for a.jsonl, or mend its disk; it goes on by itself"},
		{"ledger warns", func(r *Registry) { r.Ledger = LedgerForgets }, Look, "ledger_fails", whoseHost,
			"what is used of limits cannot be written down; a crash would forget it", "make room in the state folder, or mend its disk; it goes on by itself"},
		{"ledger blocks", func(r *Registry) { r.Ledger = LedgerWaits }, Broken, "ledger_fails", whoseHost,
			"what is used of limits cannot be written down; commands under long limits are not sent, others are", "make room in the state folder, or mend its disk; it goes on by itself"},
		{"audit warns", func(r *Registry) { r.Audit = &Audit{File: "a.jsonl", Failing: true, FailingSeconds: 12} }, Look, "audit_fails", whoseHost,
			"audit log cannot be written for 12 s: its disk does not answer; transforms are sent, and recorded later as far as there is room", "make room for a.jsonl, or mend its disk; it goes on by itself"},
		{"audit gap", func(r *Registry) { r.Audit = &Audit{File: "a.jsonl", Lost: 2, LostSeconds: 300} }, Look, "audit_gap", whoseHost, "audit log has a gap: 2 lines lost, the last 5 min ago",
			"what was sent meanwhile is in the registry's records only; make room for a.jsonl"},
		{"an old gap", func(r *Registry) { r.Audit = &Audit{Lost: 2, LostSeconds: 601} }, OK, "well", "", "all well: 3 sessions, 2 commands/s, answered in 4 ms (p50)", ""},
		{"many clients", func(r *Registry) { r.Clients.Connected = 90 }, Look, "clients", whoseClients, "90 of 100 clients connected", "find who leaves connections open, or raise clients.max"},
	} {
		r := working()
		tt.change(&r)
		if got, want := judge(&r, false)[0], (Finding{tt.g, tt.rule, tt.whose, tt.text, tt.do}); got != want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
		}
	}
}

// TestCulpritFirst: who ends sessions stands before what follows from it.
func TestCulpritFirst(t *testing.T) {
	r := working()
	r.Culprits = []Culprit{culprit(4, "command_timeout")}
	r.Recent.NotSent, r.Recent.UnknownTransforms, r.Recent.Desync, r.Recent.LostSessions = 5, 1, 1, 9
	r.Minute.Timeouts, r.Minute.Unknown = 1, 1
	var got []string
	for _, f := range judge(&r, false) {
		got = append(got, f.Rule)
	}
	if want := []string{"ends_sessions", "silent", "unknown", "not_sent", "desync", "sessions_end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJudgeOrder: what breaks stands before what is to be looked at, and the cause before what
// follows from it.
func TestJudgeOrder(t *testing.T) {
	r := working()
	down("login_refused", "login: result code 2200", 9)(&r)
	r.Recent.NotSent, r.Recent.UnknownTransforms, r.Recent.ClientFaults = 5, 1, 1
	var got []string
	for _, f := range judge(&r, true) {
		got = append(got, f.Rule)
	}
	if want := []string{"login_refused", "stopping", "unknown", "not_sent", "client_faults"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
