package status

import (
	"fmt"
	"time"
)

// Status is all that the status page, /status.json and "eppmux status" show. In JSON, times are
// RFC 3339 and durations are seconds. All strings are clean: one line of bounded length, without
// control characters. It is shared, so it is immutable once it is made.
type Status struct {
	Version    string     `json:"version"`
	Host       string     `json:"host"`
	Started    time.Time  `json:"started"`
	Now        time.Time  `json:"now"`
	Stopping   bool       `json:"stopping"`
	Gravity    Gravity    `json:"gravity"` // the gravest of the registries', the cluster's and the gateway's
	Registries []Registry `json:"registries"`
	// Cluster is that in which the host takes part; nil: none.
	Cluster *Cluster `json:"cluster,omitempty"`
	// Gateway serves HTTP beside EPP; nil: the config has none.
	Gateway *Gateway `json:"gateway,omitempty"`
	// Events are warnings and errors that concern no single registry, the newest first.
	Events []Event `json:"events"`
}

// Gravity is how bad something is. The zero value is fine.
type Gravity uint8

const (
	OK     Gravity = iota
	Look           // commands are served, and somebody should look soon
	Broken         // clients of the registry are not served here
	numGravities
)

var gravityNames = [numGravities]string{"ok", "look", "broken"}

func (g Gravity) String() string { return gravityNames[g] }

// MarshalText implements encoding.TextMarshaler.
func (g Gravity) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Gravity) UnmarshalText(text []byte) error {
	for i, name := range gravityNames {
		if name == string(text) {
			*g = Gravity(i)
			return nil
		}
	}
	return fmt.Errorf("gravity: unknown %q", text)
}

// Ledger is what becomes of commands that a kept limit counts while their use cannot be written down.
type Ledger string

const (
	LedgerForgets Ledger = "warn"  // they are sent, and a crash forgets it
	LedgerWaits   Ledger = "block" // they are not sent
)

// Finding is one thing to say about a registry or the cluster.
type Finding struct {
	Gravity Gravity `json:"gravity"`
	Rule    string  `json:"rule"`            // that found it, from a closed set
	Whose   string  `json:"whose,omitempty"` // fault it is, from a closed set; empty: nobody's
	Text    string  `json:"text"`
	Do      string  `json:"do,omitempty"` // about it; empty: nothing
}

// Registry is one registry as it is now, with its last ten minutes.
type Registry struct {
	Name     string    `json:"name"`
	Address  string    `json:"address"`
	Gravity  Gravity   `json:"gravity"`
	Findings []Finding `json:"findings"` // the gravest first; never empty
	Answers  bool      `json:"answers"`  // false: all below is what was seen last
	Ready    bool      `json:"ready"`    // at least one session is logged in
	Paused   bool      `json:"paused"`   // by the operator
	// Cluster is who owns the account; nil: it is not shared.
	Cluster *Ownership `json:"cluster,omitempty"`
	// Trouble is why there is no session, or one less; empty once one was opened since.
	Trouble        string  `json:"trouble,omitempty"`
	TroubleSeconds float64 `json:"trouble_seconds,omitempty"` // since it began
	TroubleReason  string  `json:"trouble_reason,omitempty"`
	NextTrySeconds float64 `json:"next_try_seconds,omitempty"`
	// Spent is the limit for which there is no session; nil: another cause, or there is one.
	Spent *Spent `json:"limit_spent,omitempty"`
	// OwnCounted: the last login got 2502, most likely since the registry still counts a session of ours
	// that has ended.
	OwnCounted bool `json:"own_session_counted,omitempty"`
	// IdleLimitSeconds is the silence behind which sessions end, as measured; 0: none is known.
	IdleLimitSeconds float64 `json:"idle_limit_seconds,omitempty"`

	Sessions  Sessions     `json:"sessions"`
	Queue     Queue        `json:"queue"`
	Clients   Clients      `json:"clients"`
	Limits    []Limit      `json:"limits"`
	Minute    Window       `json:"last_minute"`
	Recent    Window       `json:"last_ten_minutes"`
	Total     Window       `json:"since_start"`
	Codes     []CodeCount  `json:"codes"` // answers of the registry by result code, the most first
	History   History      `json:"history"`
	Expiries  []Expiry     `json:"expiries"` // the soonest first
	Events    []Event      `json:"events"`   // warnings and errors, the newest first
	LoginSays []LoginEvent `json:"login_events,omitempty"`
	Audit     *Audit       `json:"audit,omitempty"` // one log for all registries; nil: none is kept
	// Ledger is what the registry's account suffers since its ledger cannot be written; empty: nothing.
	Ledger Ledger `json:"ledger_fails,omitempty"`
	// Unresolved is what the audit log has; nil: none is kept, or it is not read yet.
	Unresolved *Unresolved `json:"unresolved,omitempty"`
	Blame      *Blame      `json:"client_at_fault,omitempty"` // the last one; nil: none was
	// Culprits are the clients behind whose commands sessions ended, the latest first, eight at most,
	// of the last minutes.
	Culprits []Culprit `json:"culprits"`
	// AcceptError is why a client could not be taken in, the last time; empty: all could.
	AcceptError string `json:"accept_error,omitempty"`
	// GreetingFault is why the registry's last greeting was not passed on to clients; empty: it was.
	GreetingFault string `json:"greeting_fault,omitempty"`
	Ungreeted     bool   `json:"ungreeted,omitempty"` // for that, no client is greeted
}

// Spent is a limit that counts logins and is used up, so that no session can be opened.
type Spent struct {
	Limit      string  `json:"limit"`       // its name
	ForSeconds float64 `json:"for_seconds"` // until it admits a login
}

// Audit is the state of the audit log.
type Audit struct {
	File           string  `json:"file"`
	Blocks         bool    `json:"blocks"` // transforms are not sent while it fails
	Failing        bool    `json:"failing"`
	FailingSeconds float64 `json:"failing_seconds,omitempty"`
	Why            string  `json:"why,omitempty"` // it fails; empty: its disk does not answer
	Lost           uint64  `json:"lost"`          // lines that it lacks
	LostSeconds    float64 `json:"lost_seconds_ago,omitempty"`
}

// Unresolved are the transforms of unknown outcome that nobody has resolved.
type Unresolved struct {
	Count         int     `json:"count"`
	OldestSeconds float64 `json:"oldest_seconds,omitempty"` // since it was sent
}

// Blame names a client that was at fault.
type Blame struct {
	At       time.Time `json:"at"`
	Listener string    `json:"listener"`
	Client   string    `json:"client"` // its address, or its user on a unix socket
	Reason   string    `json:"reason"` // in the words of the log
}

// Culprit is a client behind whose commands sessions ended. One end alone may be chance.
type Culprit struct {
	Listener    string  `json:"listener"`
	Client      string  `json:"client"`    // its address, or its user on a unix socket; empty: it has left
	Identity    string  `json:"identity"`  // its user or address, and its client id if verified
	ID          uint64  `json:"id"`        // of its connection
	Command     string  `json:"command"`   // kind of the last one: verb, op, namespace of the object
	Reason      string  `json:"reason"`    // for which the last session ended, in the words of the log
	Ends        int     `json:"ends"`      // sessions in a row, over other connections too
	HeldBack    bool    `json:"held_back"` // commands like it are, from the last end on
	AgoSeconds  float64 `json:"ago_seconds"`
	WaitSeconds float64 `json:"wait_seconds"` // until a command like it is sent; 0: it need not wait
}

// Sessions are the sessions with the registry.
type Sessions struct {
	Min     int  `json:"min"`
	Max     int  `json:"max"`
	Allowed int  `json:"allowed"` // now: less than max while the registry refuses more
	Idle    int  `json:"idle"`
	Busy    int  `json:"busy"`
	Dialing int  `json:"dialing"`
	Ending  int  `json:"ending"`
	Backoff bool `json:"backoff"` // a session is wanted, and the next attempt must wait
	// Refusing of them have given clients only such answers lately as one gives that is not logged in,
	// and nothing has shown since that they are. PollRefused: the registry refuses our own polls.
	Refusing    int  `json:"refusing"`
	PollRefused bool `json:"poll_refused"`
	// OtherServices of them are logged in with other services than the registry offers now, until they are
	// replaced. Failing of them have answered nothing but 2400 lately.
	OtherServices int       `json:"other_services"`
	Failing       int       `json:"failing"`
	List          []Session `json:"list"`
}

// LoggedIn returns how many sessions can carry commands.
func (s *Sessions) LoggedIn() int { return s.Idle + s.Busy }

// Session is one session with the registry.
type Session struct {
	ID         uint64  `json:"id"`
	State      string  `json:"state"`
	ForSeconds float64 `json:"for_seconds"` // in that state
	AgeSeconds float64 `json:"age_seconds"` // since the login; 0 before
	Commands   int     `json:"commands"`    // sent since the login
	Doing      string  `json:"doing,omitempty"`
	Own        bool    `json:"own,omitempty"`      // Doing is a command of eppmux itself
	Listener   string  `json:"listener,omitempty"` // of Client
	Client     string  `json:"client,omitempty"`   // that sent the command
}

// Queue are the commands that wait for a session.
type Queue struct {
	Length         int     `json:"length"`
	OldestSeconds  float64 `json:"oldest_seconds"`  // wait of the first
	TimeoutSeconds float64 `json:"timeout_seconds"` // after which a command is given up
	// PauseSeconds is how long nothing is sent, since the registry wants fewer commands.
	PauseSeconds float64 `json:"pause_seconds,omitempty"`
}

// Clients are the clients of a registry.
type Clients struct {
	Connected int `json:"connected"`
	Max       int `json:"max"`
	Memory    int `json:"held_bytes"`
	MaxMemory int `json:"max_held_bytes"`
}

// Limit is one entry of rate_limits.
type Limit struct {
	Name       string  `json:"name"`  // as in metrics
	Index      int     `json:"index"` // its place in rate_limits, from 0
	Limit      int     `json:"limit"`
	PerSeconds float64 `json:"per_seconds"`
	Burst      int     `json:"burst"`
	Scope      string  `json:"scope"`
	Commands   string  `json:"commands"`
	Shadow     bool    `json:"shadow,omitempty"`
	// UsedRatio is the part in use; null unless the scope is registry.
	UsedRatio *float64 `json:"used_ratio"`
	// LimitedRatio is the part of the last minute for which the limit held a command back although
	// a session was free.
	LimitedRatio float64 `json:"limited_ratio_last_minute"`
	Exceeded     uint64  `json:"shadow_exceeded,omitempty"` // commands that a shadow would have held back
}

// CodeCount is how often the registry answered with a result code. Code 0 stands for all codes that
// RFC 5730 does not define.
type CodeCount struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
	Total   uint64 `json:"total"`
	Recent  uint64 `json:"last_ten_minutes"`
}

// Expiry is the end of something that the service needs.
type Expiry struct {
	What string    `json:"what"`
	File string    `json:"file,omitempty"`
	At   time.Time `json:"at"`
	Ours bool      `json:"ours"` // we have to renew it
	// Near is how near the end is, see ExpiryGravity.
	Near Gravity `json:"near"`
	In   float64 `json:"in_seconds"` // until the end; negative after it
}

// LoginEvent is what the registry said about the login, RFC 8807.
type LoginEvent struct {
	Type    string     `json:"type"`
	Level   string     `json:"level"`
	Expires *time.Time `json:"expires,omitempty"`
	Text    string     `json:"text,omitempty"`
}

// Event is a warning or an error of the log. Another one that says the same raises Count.
type Event struct {
	At     time.Time `json:"at"` // of the last one
	Level  string    `json:"level"`
	Text   string    `json:"text"`
	Detail string    `json:"detail,omitempty"`
	Count  int       `json:"count"`
}

// History is the last ten minutes: one value for each interval, the oldest first, and null where
// nothing is known.
type History struct {
	IntervalSeconds float64    `json:"interval_seconds"`
	End             time.Time  `json:"end"`
	Queries         []*float64 `json:"queries_per_second"`
	Transforms      []*float64 `json:"transforms_per_second"`
	Refused         []*float64 `json:"refused_per_second"` // answers 2000 to 2399
	Failed          []*float64 `json:"failed_per_second"`  // answers from 2400
	NotSent         []*float64 `json:"not_sent"`           // in the interval
	Unknown         []*float64 `json:"unknown"`
	Waiting         []*float64 `json:"queue_length"` // at the end of the interval
	WaitP50         []*float64 `json:"wait_p50_seconds"`
	WaitP99         []*float64 `json:"wait_p99_seconds"`
	RTTP50          []*float64 `json:"rtt_p50_seconds"`
	RTTP99          []*float64 `json:"rtt_p99_seconds"`
	LimitUsed       []*float64 `json:"limit_used_ratio"` // of the limit that is used most
	Sessions        []*float64 `json:"sessions"`         // logged in, at the end of the interval
}
