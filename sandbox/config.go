package sandbox

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// Config says what a Registry is like. The zero value is a usable demo registry.
type Config struct {
	// ServerID is the svID of the greeting, 3 to 64 characters; default "eppmux sandbox".
	ServerID string
	// Accounts maps clID to password; default demo/demo-secret and other/other-secret. By the
	// schema a clID has 3 to 16 characters and a password 6 to 16; longer passwords can be used
	// with the loginSec extension.
	Accounts map[string]string
	// MaxSessions is the number of sessions an account may have at once; 0 means 3, negative means
	// no limit.
	MaxSessions int
	// IdleTimeout closes a connection after so long without a message, MaxAge so long after it was
	// opened, LoginTimeout when nobody logged in by then. An exchange under way is finished first.
	// 0 means never.
	IdleTimeout, MaxAge, LoginTimeout time.Duration
	// MaxCommands is the number of commands in one session after its login; the next is answered
	// 2502 and the connection closed. logout is always served. 0 means no limit.
	MaxCommands int
	// RateLimit is the number of commands an account may send within RatePer, counted as a sliding
	// log. A command above it is answered 2502 and neither carried out nor logged. hello, login and
	// logout do not count. 0 means no limit.
	RateLimit int
	RatePer   time.Duration // default 1 s
	// Latency is how long every command takes, login and logout included, hello not. The command is
	// carried out first.
	Latency time.Duration
	// MaxFrame is the greatest length of a data unit in octets, its header included; default
	// 262144.
	MaxFrame int
	// Zones are the domains under which names can be registered; default com, net, org, example,
	// test.
	Zones []string
	// PendingDelay is how long the create of a domain named "pending-..." stays pending (answered
	// 1001). Then the registrar gets a poll message: refused if the name starts with
	// "pending-refuse-", else approved. Default 2 s.
	PendingDelay time.Duration
	// AutoApprove is how long a transfer waits for the losing registrar before the registry
	// approves it; default 5 days.
	AutoApprove time.Duration
	// UnknownCommand is the code for commands and protocol extensions that the sandbox does not
	// know (default 2000), UnknownObject for unknown objects (2307), UnknownExtension for unknown
	// command extensions (2103). With UnknownCommand or UnknownObject 1000 the command succeeds and
	// does nothing; with UnknownExtension 1000 the extension is ignored.
	UnknownCommand, UnknownObject, UnknownExtension int
	// Rules is what else is punished, and Quirks what is odd; nothing by default. Profile gives
	// those of a real registry.
	Rules  Rules
	Quirks Quirks
	// Faults go wrong on cue; SetFaults changes them. Seed makes their chances repeatable; default
	// 1.
	Faults []Fault
	Seed   uint64
	// Record makes the registry count by object how often a command was carried out, see
	// Executions.
	Record bool
	// Empty leaves out the example objects and messages.
	Empty bool
	// Logger gets one line per session and, at debug level, per command; nil means silence.
	Logger *slog.Logger
	// Now is the clock for dates and limits, nil means time.Now. Timeouts and Latency always go by
	// the time package.
	Now func() time.Time
	// Observe, if set, is called once for each payload received, just before its answer is written,
	// from the goroutine of its session. It may block; nothing else waits for it.
	Observe func(Frame)
}

// Frame is one payload a client sent, and the answer it is about to get.
type Frame struct {
	Session uint64 // number of the connection, from 1
	Account string // clID the session is logged in as after the command; empty before login
	Payload []byte // the registry's own copy: may be kept, not changed
	// Answer is what is about to be written, borrowed and valid until Observe returns; nil if
	// nothing is. A fault may still spoil it on its way.
	Answer []byte
	// result code of the answer, of one that is not written if the command was carried out; 0 for a
	// greeting
	Code int
	// Executed: the command was carried out with success.
	Executed bool
	Fault    string // the fault played on it, empty for none
	At       time.Time
}

// withDefaults returns a copy of c in which every field says what it means.
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
	setDefault(&c.MaxSessions, 3)
	setDefault(&c.MaxFrame, 262144)
	setDefault(&c.Rules.LoginErrors, maxLoginErrors)
	setDefault(&c.Quirks.LoginFirst, codeUse)
	setDefault(&c.Seed, 1)
	setDefault(&c.RatePer, time.Second)
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
