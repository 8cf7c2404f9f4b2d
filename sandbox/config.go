package sandbox

import (
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// Config describes a Registry. The zero value is a usable demo registry.
type Config struct {
	// ServerID is the svID of the greeting, 3 to 64 characters. Default: "eppmux sandbox".
	ServerID string
	// Accounts maps clID to password. Default: demo/demo-secret and other/other-secret. By the
	// schema a clID has 3 to 16 characters and a password 6 to 16. Longer passwords need the
	// loginSec extension.
	Accounts map[string]string
	// MaxSessions is the number of sessions that an account may have at once. 0 means 3, negative
	// means no limit.
	MaxSessions int
	// IdleTimeout closes a connection that has sent no message for so long. MaxAge closes it so
	// long after it was opened. LoginTimeout does so if nobody has logged in by then. An exchange
	// under way is finished first. 0 means never.
	IdleTimeout, MaxAge, LoginTimeout time.Duration
	// MaxCommands is the number of commands in one session after its login. The next command is
	// answered 2502 and the connection closed. hello and logout do not count. 0 means no limit.
	MaxCommands int
	// RateLimit is the number of commands that an account may send within RatePer, by a sliding log
	// of their instants. A command above it is answered 2502, is not carried out and does not enter
	// the log. hello, login and logout do not count. 0 means no limit.
	RateLimit int
	RatePer   time.Duration // default 1 s
	// ObjectLimit is the number of objects that an account may send commands for within ObjectPer, by
	// the same log: a check of n names counts n, any other command 1. Breaches count as those of
	// RateLimit do. 0 means no limit.
	ObjectLimit int
	ObjectPer   time.Duration // default 1 s
	// CheckMax is the number of objects in one check. More are answered 2306. Default: 50. Negative
	// means no limit.
	CheckMax int
	// Latency is the time from carrying out a command to writing its answer. It holds for login and
	// logout too. hello is answered at once.
	Latency time.Duration
	// MaxFrame is the greatest length of a data unit in octets, its header included. Default:
	// 262144.
	MaxFrame int
	// Zones are the domains below which names can be registered. Default: com, net, org, example,
	// test.
	Zones []string
	// Extensions are the namespaces of the command extensions that are served, in the order of the
	// greeting. Default: all that the sandbox knows. Empty but not nil means none.
	Extensions []string
	// PendingDelay is how long the create of a domain named "pending-..." stays pending. The create
	// is answered 1001. At the end the registrar gets a poll message: the create is refused if the
	// name starts with "pending-refuse-", else approved. Default: 2 s.
	PendingDelay time.Duration
	// AutoApprove is how long a transfer waits for the losing registrar before the registry
	// approves it. Default: 5 days.
	AutoApprove time.Duration
	// UnknownCommand is the code for commands and protocol extensions that the sandbox does not
	// know. Default: 2000. UnknownObject is the code for unknown objects, default 2307, and
	// UnknownExtension for unknown command extensions, default 2103. With UnknownCommand or
	// UnknownObject 1000 the command succeeds and does nothing. With UnknownExtension 1000 the
	// extension is ignored.
	UnknownCommand, UnknownObject, UnknownExtension int
	// Rules says what else the registry punishes, Quirks how its answers are odd. Both are empty by
	// default. Profile returns those of real registries.
	Rules  Rules
	Quirks Quirks
	// Faults are played on cue. SetFaults replaces them. Seed makes their chances repeatable.
	// Default: 1.
	Faults []Fault
	Seed   uint64
	// Record makes the registry count, for each command and object, how often it came and how often
	// it was carried out. See Executions.
	Record bool
	// Journal, if set, gets a JournalLine for each connection that comes or ends, and for each
	// message as soon as it is decided what is answered. Each line is one Write, one after the other.
	// A Write may block: that delays whoever has something to write.
	Journal io.Writer
	// Empty leaves out the example objects and messages.
	Empty bool
	// Logger gets a line for each login and each end of a session and, at debug level, for each
	// message. nil means silence.
	Logger *slog.Logger
	// Now is the clock for dates, RateLimit, ObjectLimit and those Rules that count by the day, the month or the
	// instant. nil means time.Now. Timeouts, Latency, ghosts and zombies always go by the time
	// package.
	Now func() time.Time
	// Observe, if set, is called once for each payload received, just before its answer is written,
	// by the goroutine of its session. It may block: that delays its own session only.
	Observe func(Frame)
}

// Frame is a payload from a client and the answer that the client is about to get.
type Frame struct {
	Session uint64 // number of the connection, from 1
	Account string // clID of the session's login after the command; empty before login
	Payload []byte // the registry's own copy; may be kept, must not be changed
	// Answer is the payload that is about to be written, nil if there is none. It is borrowed and
	// valid until Observe returns. A fault may still spoil it on its way.
	Answer []byte
	// Code is the result code of the answer, also of a withheld answer if the command was carried
	// out. It is 0 for a greeting and where nothing is answered.
	Code     int
	Executed bool   // the command was carried out and succeeded
	Fault    string // name of the fault played on the message, empty if none
	At       time.Time
}

// withDefaults returns a copy of c with every default filled in. It shares no map or slice that the
// caller could change.
func (c Config) withDefaults() Config {
	if c.ServerID == "" {
		c.ServerID = "eppmux sandbox"
	}
	if c.Accounts == nil {
		c.Accounts = map[string]string{"demo": "demo-secret", "other": "other-secret"}
	}
	c.Accounts = maps.Clone(c.Accounts)
	if c.Zones == nil {
		c.Zones = []string{"com", "net", "org", "example", "test"}
	}
	c.Zones = slices.Clone(c.Zones)
	for i, z := range c.Zones {
		c.Zones[i] = strings.ToLower(z)
	}
	if c.Extensions == nil {
		c.Extensions = extensionURIs
	}
	c.Extensions = slices.Clone(c.Extensions)
	setDefault(&c.MaxSessions, 3)
	setDefault(&c.MaxFrame, 262144)
	setDefault(&c.Rules.LoginErrors, maxLoginErrors)
	setDefault(&c.Quirks.LoginFirst, codeUse)
	setDefault(&c.Seed, 1)
	setDefault(&c.RatePer, time.Second)
	setDefault(&c.ObjectPer, time.Second)
	setDefault(&c.CheckMax, maxCheck)
	setDefault(&c.PendingDelay, 2*time.Second)
	setDefault(&c.AutoApprove, 5*24*time.Hour)
	setDefault(&c.UnknownCommand, codeUnknownCommand)
	setDefault(&c.UnknownObject, codeUnimplementedObject)
	setDefault(&c.UnknownExtension, codeUnimplementedExtension)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
