package main

import (
	"strings"
	"time"

	"eppmux/admin/status"
	"eppmux/sandbox"
)

// verdictCase is a fault of a registry of its own, and what an operator gets to see of it.
type verdictCase struct {
	row  int // of docs/faults.md; 0: none
	what string
	r    statusRegistry
	// the first finding, as a regular expression; empty: nothing is to be said, from the first
	// session on
	want   string
	also   string // another finding
	g      status.Gravity
	metric string // a series that moves; its registry is added
	alerts string // that fire, by the rest of their names
	may    string // that fire or not, as time has it
}

// certificateOf is a listener's certificate, in the keys of a registry.
func certificateOf(name string) []string {
	return []string{"clients: {max: 50, tls: {cert_file: " + name + ".pem, key_file: " + name + ".key}}"}
}

const (
	soon   = 50 * time.Millisecond
	two    = "sessions: {min: 2, max: 2}"
	upTo2  = "sessions: {min: 1, max: 2}"
	oneSec = "timeouts: {command: 2s}"
)

// verdictCases are the faults of docs/faults.md that one program can have side by side, and what
// else there is to see.
var verdictCases = []verdictCase{
	{what: "nothing is wrong", r: statusRegistry{clients: 2, command: checkText, pause: soon}, metric: `eppmux_commands_total{command="check",code="1000"}`},

	// What the registry or the network does to a session.
	{row: 1, what: "it closes before it reads the command", r: statusRegistry{faults: "close-before:cmd=create,first=1", clients: 1, command: createText, pause: soon},
		want: `^1 transform with unknown outcome in the last ten minutes$`, g: status.Look, metric: `eppmux_unknown_transforms_total`, alerts: "UnknownOutcome"},
	{row: 2, what: "it closes in mid-answer", r: statusRegistry{faults: "half:cmd=check,first=1", more: []string{two}, clients: 1, command: checkText, pause: soon},
		metric: `eppmux_session_closes_total{reason="registry_closed"}`},
	{row: 3, what: "it resets while a command is written", r: statusRegistry{faults: "reset:cmd=create,first=1", clients: 1, command: createText, pause: soon},
		want: `^1 transform with unknown outcome in the last ten minutes$`, g: status.Look, metric: `eppmux_unknown_transforms_total`, alerts: "UnknownOutcome"},
	{row: 4, what: "half an answer, then silence", r: statusRegistry{faults: "stall:cmd=check,first=1", more: []string{two, oneSec}, clients: 1, command: checkText, pause: soon},
		want: `^\d sessions? fell silent in the last minute: no answer from registry or network in time; no command of a client was lost$`, g: status.Look,
		metric: `eppmux_session_closes_total{reason="command_timeout"}`},
	{row: 5, what: "an answer with another clTRID", r: statusRegistry{faults: "wrong-cltrid:cmd=check,first=1", clients: 1, command: checkText, pause: soon},
		want: `^registry sent 1 mismatched answer in the last ten minutes; no client got any$`, g: status.Look, metric: `eppmux_desync_total{reason="mismatch"}`, alerts: "Desync"},
	{row: 5, what: "an answer with a clTRID of nobody", r: statusRegistry{faults: "made-up-cltrid:cmd=check", clients: 1, command: checkText, pause: soon}, metric: `eppmux_odd_answers_total{kind="cltrid_foreign"}`},
	{row: 11, what: "answers that are no good XML", r: statusRegistry{faults: "odd-xml:cmd=check", clients: 1, command: checkText, pause: soon}, metric: `eppmux_odd_answers_total{kind="character"}`},
	{row: 6, what: "answers without clTRID", r: statusRegistry{faults: "no-cltrid:cmd=check", clients: 1, command: checkText, pause: soon}, metric: `eppmux_commands_total{command="check",code="1000"}`},
	{row: 7, what: "an answer comes twice", r: statusRegistry{faults: "duplicate:cmd=check,first=1", clients: 1, command: checkText, pause: soon},
		want: `^registry sent 1 unasked message in the last ten minutes; no client got any$`, g: status.Look, metric: `eppmux_desync_total{reason="unasked"}`, alerts: "Desync"},
	{row: 8, what: "a greeting in place of an answer", r: statusRegistry{faults: "greeting:cmd=check,first=1", clients: 1, command: checkText, pause: soon},
		want: `^registry sent 1 mismatched answer in the last ten minutes`, g: status.Look, metric: `eppmux_desync_total{reason="mismatch"}`, alerts: "Desync"},
	{row: 9, what: "it says nothing more", r: statusRegistry{faults: "silent:cmd=check", more: []string{"timeouts: {command: 400ms}"}, clients: 2, command: checkText},
		want: `^registry does not answer: \d+ commands? without an answer in the last minute, none with one$`, g: status.Broken,
		metric: `eppmux_outcomes_total{command="check",outcome="unknown"}`, alerts: "NoAnswer", may: "NoSession NotSent"},
	{row: 10, what: "it is slow", r: statusRegistry{faults: "slow=6s:cmd=check", more: []string{upTo2}, clients: 1, command: checkText},
		want: `^registry answers slowly \(p50 [\d.]+ s\)$`, g: status.Look, metric: `eppmux_command_rtt_seconds_sum{class="query"}`, alerts: "RegistrySlow"},
	{what: "it is slow and all want it", r: statusRegistry{sandbox: sandbox.Config{Latency: 1500 * time.Millisecond}, more: []string{upTo2}, clients: 8, command: checkText},
		want: `^all 2 sessions busy, registry answers slowly \(p50 [\d.]+ s\); \d+ waiting`, g: status.Look, metric: `eppmux_queue_length`},
	{row: 11, what: "what it sends is not EPP", r: statusRegistry{faults: "garbage:cmd=check,first=1", clients: 1, command: checkText, pause: soon},
		want: `^registry sent 1 broken message in the last ten minutes; no client got any$`, g: status.Look, metric: `eppmux_desync_total{reason="frame"}`, alerts: "Desync"},
	{row: 11, what: "what it sends is no frame", r: statusRegistry{faults: "bad-length=3:cmd=check,first=1", clients: 1, command: checkText, pause: soon},
		want: `^registry sent 1 broken message in the last ten minutes; no client got any$`, g: status.Look, metric: `eppmux_desync_total{reason="frame"}`, alerts: "Desync"},
	{row: 12, what: "it ends sessions by an answer", r: statusRegistry{faults: "2500-close:cmd=poll,first=3", more: []string{"sessions: {min: 1, max: 1, keepalive: 500ms, keepalive_command: poll}"}},
		want: `^registry or network ended 3 sessions in the last ten minutes, 3 of them by an answer x5xx$`, g: status.Look,
		metric: `eppmux_session_closes_total{reason="code_closes"}`, may: "NoSession NotSent"},
	{row: 13, what: "it forgets a login", r: statusRegistry{faults: "2002:cmd=check,first=1", more: []string{two}, clients: 1, command: checkText, pause: soon},
		metric: `eppmux_session_closes_total{reason="login_lost"}`},
	{row: 14, what: "it wants fewer commands", r: statusRegistry{faults: "2502-command:cmd=check,every=2", more: []string{"profile: ee", "sessions: {min: 1, max: 1}"}, clients: 2, command: checkText, pause: soon},
		want: `^registry wants fewer commands: \d+ refusals? for their number in the last minute`, g: status.Look, metric: `eppmux_throttled_total`, alerts: "Throttled", may: "NotSent"},
	{row: 38, what: "a keepalive gets no answer", r: statusRegistry{faults: "silent:cmd=hello,first=1", more: []string{"sessions: {min: 2, max: 2, keepalive: 500ms}", oneSec}},
		want: `^\d sessions? fell silent in the last minute: no answer from registry or network in time; no command of a client was lost$`, g: status.Look,
		metric: `eppmux_session_closes_total{reason="command_timeout"}`},
	{what: "it closes idle sessions again and again", r: statusRegistry{faults: "close-before:cmd=hello,every=2", more: []string{"sessions: {min: 1, max: 6, keepalive: 700ms}"}},
		want: `^registry or network ended \d+ sessions in the last ten minutes$`, g: status.Look,
		metric: `eppmux_session_closes_total{reason="registry_closed"}`, alerts: "SessionsLost", may: "NoSession NotSent"},

	{what: "it says why it ends an idle session", r: statusRegistry{faults: "goodbye:cmd=hello,first=1", more: []string{"sessions: {min: 2, max: 2, keepalive: 500ms}"}},
		metric: `eppmux_session_closes_total{reason="registry_closed"}`},

	{what: "it closes at one client's commands", r: statusRegistry{faults: "close-before:cmd=info", more: []string{two}, clients: 1, command: checkText, pause: soon, play: playInfo},
		want: `^\d+ sessions in a row ended on commands like "info domain-1.0" of client uid \d+( \(.*\))? on unix://\S+\.sock, the last [\d.]+ m?s ago: the registry closed the connection; such commands are (held back for [\d.]+ m?s|sent one at a time)$`,
		g:    status.Look, metric: `eppmux_blamed_total{reason="registry_closed"}`, alerts: "ClientEndsSessions", may: "NotSent"},
	{what: "it ends sessions by its answers to one client", r: statusRegistry{faults: "2500-close:cmd=info", more: []string{two}, clients: 1, command: checkText, pause: soon, play: playInfo},
		want: `^\d+ sessions in a row ended on commands like "info domain-1.0" of client uid \d+( \(.*\))? on unix://\S+\.sock, the last [\d.]+ m?s ago: the registry ended it by an answer x5xx; such commands are `,
		g:    status.Look, metric: `eppmux_blamed_total{reason="code_closes"}`, may: "NotSent"}, // one end a minute: the kind was never answered

	// Opening sessions.
	{row: 15, what: "the login is refused", r: statusRegistry{faults: "refuse-login=2200"},
		want: `^registry refuses our login: result code 2200: "`, g: status.Broken, metric: `eppmux_logins_total{result="refused"}`, alerts: "LoginRefused NoSession"},
	{what: "the login is refused in words that are markup", r: statusRegistry{script: answers(2200, "&lt;script&gt;alert(1)&lt;/script&gt;")},
		want: `^registry refuses our login: result code 2200: "<script>alert\(1\)</script>"$`, g: status.Broken, metric: `eppmux_logins_total{result="refused"}`, alerts: "LoginRefused NoSession"},
	{row: 16, what: "every session is taken", r: statusRegistry{faults: "refuse-login=2502"},
		want: `^registry grants no session \(2502\): result code 2502`, g: status.Broken, metric: `eppmux_logins_total{result="full"}`, alerts: "NoSession", may: "SessionsTaken"},
	{row: 17, what: "nobody listens", r: statusRegistry{address: "127.0.0.1:1"},
		want: `^registry not reachable: connect: 127.0.0.1:1: connection refused$`, g: status.Broken, metric: `eppmux_logins_total{result="failed"}`, alerts: "NoSession"},
	{row: 18, what: "its certificate is another's", r: statusRegistry{foreign: true},
		want: `^no TLS connection with the registry: tls: .*certificate`, g: status.Broken, metric: `eppmux_logins_total{result="failed"}`, alerts: "NoSession"},
	{row: 19, what: "it is away while clients send", r: statusRegistry{later: "close-before;close-at-accept", more: []string{"timeouts: {queue: 300ms}"}, clients: 2, command: checkText, pause: soon},
		want: `^no TLS connection with the registry: tls: `, also: `^\d+ commands? not sent in the last ten minutes: no session with the registry could be opened; clients were told`, g: status.Broken,
		metric: `eppmux_outcomes_total{command="check",outcome="not_sent"}`, alerts: "NoSession NotSent", may: "NoAnswer UnknownOutcome"},
	{row: 31, what: "another host has the session", r: statusRegistry{sandbox: sandbox.Config{MaxSessions: 2, Latency: 50 * time.Millisecond}, more: []string{upTo2}, taken: true, clients: 6, command: checkText},
		want: `^registry grants only 1 of 2 sessions \(2502\)$`, g: status.Look, metric: `eppmux_logins_total{result="full"}`, alerts: "SessionsTaken"},
	{row: 44, what: "it does not greet", r: statusRegistry{faults: "no-greeting", more: []string{"timeouts: {greeting: 300ms}"}},
		want: `^registry does not greet: greeting: no answer in time$`, g: status.Broken, metric: `eppmux_logins_total{result="failed"}`, alerts: "NoSession"},
	{row: 44, what: "it turns us away before it greets", r: statusRegistry{faults: "turn-away=2200"},
		want: `^registry does not greet: greeting: got a response in its place: result code 2200: "`, g: status.Broken, metric: `eppmux_logins_total{result="failed"}`, alerts: "NoSession"},
	{row: 16, what: "it turns us away at its ceiling", r: statusRegistry{faults: "turn-away=2502"},
		want: `^registry grants no session \(2502\): greeting: got a response in its place: result code 2502: "`, g: status.Broken, metric: `eppmux_logins_total{result="full"}`, alerts: "NoSession", may: "SessionsTaken"},
	{what: "its greeting is too long", r: statusRegistry{sandbox: sandbox.Config{ServerID: strings.Repeat("x", 300<<10)}, more: []string{"timeouts: {greeting: 300ms}"}},
		want: `^clients are not greeted: registry's greeting cannot be passed on: it has \d+ octets, more than 262144$`, g: status.Broken,
		metric: `eppmux_ungreeted`, alerts: "Ungreeted"},

	// What clients do.
	{row: 20, what: "a client leaves while its command waits", r: statusRegistry{more: []string{"rate_limits: [{limit: 1, per: 1h, commands: [check]}]"}, play: playLeaves},
		metric: `eppmux_outcomes_total{command="check",outcome="dropped"}`},
	{row: 21, what: "a client leaves while its command is in flight", r: statusRegistry{faults: "slow=300ms:cmd=check", more: []string{two}, play: playLeaves}, metric: `eppmux_outcomes_total{command="check",outcome="orphan"}`},
	{row: 22, what: "a client closes its writing side", r: statusRegistry{faults: "slow=300ms:cmd=check", more: []string{two}, play: playHalfCloses}, metric: `eppmux_client_closes_total{reason="client"}`},
	{row: 23, what: "clients send what is no EPP", r: statusRegistry{clients: 1, command: "<epp", pause: soon},
		want: `^clients sent \d+ faulty frames? in the last ten minutes; none reached the registry; the last: .* no EPP, by client uid \d+ on unix://\S+\.sock$`, g: status.Look,
		metric: `eppmux_client_faults_total`, alerts: "ClientsFaulty"},
	{row: 23, what: "a client sends half a frame", r: statusRegistry{more: []string{"clients: {max: 50, frame_timeout: 500ms}"}, play: playHalfFrame},
		want: `^\d+ clients? closed for faults of their own in the last ten minutes; the last: a frame not whole within clients.frame_timeout, by client uid \d+ on unix://`, g: status.Look,
		metric: `eppmux_client_closes_total{reason="slow_frame"}`, may: "ClientsFaulty"},
	{row: 24, what: "a client sends too far ahead", r: statusRegistry{faults: "slow=300ms:cmd=check", more: []string{"clients: {max: 50, max_frame: 8192, max_ahead: 8196}"}, play: playAhead},
		want: `^\d+ clients? closed for faults of their own in the last ten minutes; the last: more sent ahead than clients.max_ahead, or before login than a login, by client uid \d+ on unix://`, g: status.Look,
		metric: `eppmux_client_closes_total{reason="ahead"}`, may: "ClientsFaulty"},
	{row: 25, what: "a client does not read", r: statusRegistry{play: playNeverReads},
		want: `^1 client closed for faults of their own in the last ten minutes; the last: answers not read, by client uid \d+ on unix://`, g: status.Look,
		metric: `eppmux_client_closes_total{reason="not_reading"}`},

	// What is as it should be.
	{row: 29, what: "a reload under load", r: statusRegistry{clients: 4, command: checkText, pause: soon}, metric: `eppmux_commands_total{command="check",code="1000"}`},
	{row: 37, what: "answers against its own rules", r: statusRegistry{sandbox: sandbox.Config{Quirks: sandbox.Quirks{SvTRID: sandbox.SvTRIDNone, Comments: true}}, clients: 1, command: checkText, pause: soon},
		metric: `eppmux_commands_total{command="check",code="1000"}`},
	{row: 40, what: "a poll message about an earlier command", r: statusRegistry{sandbox: sandbox.Config{PendingDelay: 50 * time.Millisecond, Empty: true}, play: playPending},
		metric: `eppmux_commands_total{command="poll",code="1301"}`},
	{what: "nobody acknowledges messages", r: statusRegistry{sandbox: sandbox.Config{PendingDelay: 50 * time.Millisecond, Empty: true}, play: playPiling},
		metric: `eppmux_poll_queue_messages`, alerts: "MessagesPileUp"},
	{row: 41, what: "sessions.max_commands is near", r: statusRegistry{more: []string{"sessions: {min: 2, max: 2, max_commands: 40}"}, clients: 1, command: checkText, pause: 150 * time.Millisecond},
		metric: `eppmux_session_closes_total{reason="count"}`},
	{row: 42, what: "all sessions come of age", r: statusRegistry{more: []string{"sessions: {min: 3, max: 3, max_age: 10s}"}, clients: 1, command: checkText, pause: soon},
		metric: `eppmux_session_closes_total{reason="age"}`},
	{row: 43, what: "keepalives are due while commands come", r: statusRegistry{more: []string{"sessions: {min: 1, max: 1, keepalive: 50ms}"}, clients: 1, command: checkText, pause: 50 * time.Millisecond},
		metric: `eppmux_commands_total{command="check",code="1000"}`},

	// What the operator and the config do.
	{row: 36, what: "the operator has paused it", r: statusRegistry{}, want: `^paused by the operator: nothing is sent`, g: status.Broken, metric: `eppmux_paused`, alerts: "Paused"},
	{what: "a limit is what commands wait for", r: statusRegistry{more: []string{"rate_limits: [{limit: 100, per: 1s}, {limit: 2, per: 1s, commands: [check]}]"}, clients: 12, command: checkText},
		want: `^limit check-2-per-1s is what commands wait for: 2 per 1s, it held them back for \d+ % of the last minute; \d+ waiting`, g: status.Look,
		metric: `eppmux_limited_seconds_total{limit="check-2-per-1s"}`, alerts: "AtLimit QueueOld", may: "NotSent"},
	{what: "a certificate ends", r: statusRegistry{more: certificateOf("week")}, want: `^our certificate for clients expires in 6 days$`, g: status.Look,
		metric: `eppmux_certificate_expiry_timestamp_seconds{shown_to="clients"}`, alerts: "CertificateExpires"},
	{what: "a certificate ends soon", r: statusRegistry{more: certificateOf("day")}, want: `^our certificate for clients expires in 24 h$`, g: status.Look,
		metric: `eppmux_certificate_expiry_timestamp_seconds{shown_to="clients"}`, alerts: "CertificateExpires CertificateExpiresSoon"},
	{what: "the password ends", r: statusRegistry{script: passwordEnds}, want: `^password expires in 5 days$`, g: status.Look,
		metric: `eppmux_password_expiry_timestamp_seconds`, alerts: "PasswordExpires"},
}

// notInjected are the rows of docs/faults.md that no test of what an operator sees injects.
var notInjected = map[int]string{
	28: "a panic ends the process, as row 27 does; nothing in the program can be told to panic",
	30: "there is no coordinator",
	32: "the clock of a host cannot be moved for one process; upstream/care: ClockLeap moves it for an account",
	39: "it is no fault: the next one is served; proxy/poll: PollOwnerLeaves",
	45: "cmd/eppmux/serve_ledger: LedgerDiskFails has a disk that fails, and what eppmux status says of it",
	46: "five silences in a row take longer than the test; upstream/opening: IdleLimitIsNamed, admin/status/rules_opening: IdleEnds",
	47: "the sandbox offers always the same; upstream/offer: ServicesChange",
	48: "a session that goes in time is nothing to be seen; upstream/codes: ThirdEqualError",
	49: "the sandbox has no session of its own kind; upstream/codes: FailingSession",
	50: "it takes a cluster; admin/status/cluster: JudgeCluster has what is said",
	51: "it takes a cluster; admin/status/rules_owner: JudgeOwner has what is said",
	52: "it takes a cluster; admin/status/rules_owner: JudgeOwner has what is said",
	53: "it takes clocks of several hosts; admin/status/cluster: JudgeCluster has what is said",
	54: "it takes several versions; admin/status/cluster: JudgeCluster has what is said",
	55: "it takes a cluster; admin/status/rules_owner: JudgeOwner, RefusalsHaveWords have what is said",
	56: "it takes a cluster; admin/status/cluster: JudgeCluster has what is said",
	57: "it takes a cluster; admin/status/rules_owner: JudgeOwner has what is said",
	58: "it takes a cluster; admin/status/rules_owner: JudgeOwner has the words while it is given up",
	59: "it takes a cluster, where it is no fault",
	60: "it takes a cluster, where it is no fault",
	61: "it takes a Redis; cmd/eppmux/internal/serve/cluster_start: StoreRefuses has what is said",
	62: "the process does not start",
	63: "it takes a gateway; admin/status/gateway: GatewayVerdicts has what is said",
	64: "the process does not start",
	65: "it takes a gateway; for the account it is row 1 or 27",
	66: "it takes a gateway; admin/status/gateway: GatewayVerdicts has what is said",
	67: "it takes a gateway; for the account it is row 21",
	68: "it takes a gateway, where it is no fault",
	69: "the process does not start, or it is a reload that fails",
}

// elsewhere are the rows that end or starve a whole process, see TestVerdicts and TestVerdictHeld.
var elsewhere = []int{26, 27, 33, 34, 35}
