package sandbox

import "time"

// Rules are what a registry punishes, delays or forgets beyond the limits of Config. The zero value
// does none of it. P1 to P12 number the ways in which registries are known to punish. Three need no
// rule: P2, a login above MaxSessions, and P3, a command above RateLimit, are answered 2502 by
// themselves; P12, a client that is not on the list any more, is a listener that demands
// certificates, or the faults close-at-accept and refuse-login=2501.
type Rules struct {
	// Hangup: a command above RateLimit or MaxCommands closes the connection without an answer, in
	// place of 2502 (P1).
	Hangup bool
	// CountAll: hello, login and logout count against RateLimit, too. A login counts for the
	// account that it names.
	CountAll bool
	// RatePerSession: RateLimit is for each session, not for the account.
	RatePerSession bool
	// Lockout is how long an account that went above RateLimit is shut out (P8): its sessions are
	// closed at their next message, its logins answered 2501. 0: it is not.
	Lockout time.Duration
	// OneFramePerRead closes without an answer when header and payload come separately, or octets
	// behind a message before its answer.
	OneFramePerRead bool
	// SilentBadLength closes without an answer when a length cannot be or is above MaxFrame, in
	// place of 2500 (P1).
	SilentBadLength bool
	// IdleRefuses: a session idle for IdleTimeout is over, but its connection stays: commands are
	// answered 2201 "Session timeout" until a new login (P9).
	IdleRefuses bool
	// LoginErrors is the failed login that is answered 2501, and the connection closed (P11);
	// default 3.
	LoginErrors int
	// ErrorDelay is how much longer answers 2xxx take (P6).
	ErrorDelay time.Duration
	// ErrorsClose: so many answers of one code 2xxx in a session, and the last becomes x5xx and
	// closes (P4). 0: never.
	ErrorsClose int
	// Tarpit delays without saying why (P6).
	Tarpit Tarpit
	// BlockAt is how many points an account may have (P7): a failed transform counts 1, a create
	// answered 2302 counts 10. From then on its commands are answered 2201 and its logins 2501. 0:
	// no points.
	BlockAt int
	// Quota is how many domain creates, deletes, renews and transfer requests an account may have
	// carried out in a day (P5); above it they are answered 2308 till midnight UTC. 0: no quota.
	Quota int
	// FreeCommands is how many commands an account may send in a calendar month; when it sends one
	// more it gets a poll message, once, that the surplus is billed. 0: nothing is billed.
	FreeCommands int
	// ZombieCommands and ZombieAfter: so many commands or so long after its login a session is dead
	// (P9): hello is answered, every command 2002 "Registrar is not logged in". It counts as a
	// session until its connection ends. 0: never.
	ZombieCommands int
	ZombieAfter    time.Duration
	// GhostFor is how long a session counts whose client hung up without logout (P10). A login that
	// is refused for ghosts alone is no breach. 0: it does not.
	GhostFor time.Duration
	// RequireSNI closes TLS connections whose client named no server.
	RequireSNI bool
	// Lists serves fred:listDomains and fred:getResults with one cursor per account.
	Lists bool
}

// Tarpit says what takes longer, and by how much; 0: it does not.
type Tarpit struct {
	SecondCommand time.Duration // the second command after a login, so that logging in again costs
	Rechecks      time.Duration // a check of a name that the account checked twice in the last 4 s
	Exists        time.Duration // a create answered 2302
	ForeignInfo   time.Duration // info without authInfo on an object of another registrar
}
