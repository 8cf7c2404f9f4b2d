package sandbox

import "time"

// Rules say what a registry punishes, delays or forgets beyond the limits of Config. The zero value
// has no rules. P1 to P12 number the known ways in which registries punish. Three of them need no
// rule. P2, a login above MaxSessions, and P3, a command above RateLimit, are answered 2502 anyway.
// P12, a client struck off the registry's list, is played by a listener that demands certificates,
// or by the faults close-at-accept and refuse-login=2501.
type Rules struct {
	// Hangup closes the connection without an answer, in place of 2502, on a command above
	// RateLimit or MaxCommands (P1).
	Hangup bool
	// CountAll counts hello, login and logout against RateLimit too. A login counts for the account
	// that it names.
	CountAll bool
	// RatePerSession applies RateLimit and ObjectLimit to each session by itself. Otherwise the
	// sessions of an account share them.
	RatePerSession bool
	// Lockout shuts an account out for so long after it went above RateLimit (P8). Its sessions are
	// closed at their next message, and its logins answered 2501. 0: no lockout.
	Lockout time.Duration
	// OneFramePerRead closes without an answer if header and payload come separately, or if octets
	// come behind a message before its answer.
	OneFramePerRead bool
	// SilentBadLength closes without an answer, in place of 2500, on a length below 5 or above
	// MaxFrame (P1).
	SilentBadLength bool
	// IdleRefuses ends a session that was idle for IdleTimeout and leaves its connection open.
	// Commands are answered 2201 "Session timeout" until a new login (P9).
	IdleRefuses bool
	// LoginErrors is the number of failed logins on a connection. The last of them is answered 2501
	// and the connection closed (P11). Default: 3.
	LoginErrors int
	// ErrorDelay is the additional delay of answers 2xxx (P6).
	ErrorDelay time.Duration
	// ErrorsClose is the number of answers with the same code 2xxx in a session. The last of them
	// becomes x5xx and closes the connection (P4). 0: never.
	ErrorsClose int
	// LastCommand is the number of commands behind whose last answer the connection is closed, whatever
	// the answer says. 0: never.
	LastCommand int
	// Tarpit delays some commands without a word about it (P6).
	Tarpit Tarpit
	// BlockAt is the number of points that blocks an account (P7). A failed transform counts 1, a
	// create answered 2302 counts 10. The commands of a blocked account are answered 2201, its
	// logins
	// 2501. 0: no points.
	BlockAt int
	// Quota is the number of domain creates, deletes, renews and transfer requests that are carried
	// out for an account in a day (P5). Above it they are answered 2308 until midnight UTC. 0: no
	// quota.
	Quota int
	// FreeCommands is the number of commands that an account has free in a calendar month. The
	// first one above it queues a poll message that further commands are billed. 0: nothing is
	// billed.
	FreeCommands int
	// ZombieCommands and ZombieAfter make a session a zombie so many commands, or so long, after
	// its login (P9). hello is greeted, every command answered 2002 "Registrar is not logged in".
	// The zombie counts as a session until its connection ends. 0: never.
	ZombieCommands int
	ZombieAfter    time.Duration
	// ZombieCode and ZombieWords are what a zombie answers instead. 0: 2002, and the words above.
	ZombieCode  int
	ZombieWords string
	// GhostFor is how long a session still counts after its client hung up without logout (P10). A
	// login that is refused for ghosts alone is no breach. 0: no ghosts.
	GhostFor time.Duration
	// LateFor is how long any session still counts after its end, whoever ended it: a registry that
	// takes note late. GhostFor is about those without a logout, and counts if it is longer.
	LateFor time.Duration
	// RequireSNI closes TLS connections whose client named no server.
	RequireSNI bool
	// Lists serves fred:listDomains and fred:getResults, with one cursor for each account.
	Lists bool
}

// Tarpit holds the additional delays of some commands. 0: no delay.
type Tarpit struct {
	SecondCommand time.Duration // of the second command after a login, which makes new logins costly
	Rechecks      time.Duration // of a check of a name that the account checked twice in the last 4 s
	Exists        time.Duration // of a create answered 2302
	ForeignInfo   time.Duration // of info without authInfo on an object of another registrar
}
