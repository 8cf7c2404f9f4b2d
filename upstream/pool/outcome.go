package pool

// End is how an exchange ended, by what the registry may have seen of the command.
type End uint8

const (
	// EndNotSent: no octet of the frame was handed to TLS, or the registry answered that it did not
	// execute the command. Repeating it is safe.
	EndNotSent End = iota
	// EndAnswered: the registry's own response came and matched.
	EndAnswered
	// EndUnknown: octets were handed over, and no complete matching response came. RFC 5734 section
	// 3 lets the registry undo such a command or not: it may have been executed.
	EndUnknown
	NumEnds // for tables by End
)

func (e End) String() string { return [NumEnds]string{"not_sent", "answered", "unknown"}[e] }

// Cause says why an exchange ended without an answer, why a session was closed, or why one could
// not be opened.
type Cause uint8

// The causes, in the words of logs and metrics.
const (
	CauseNone            Cause = iota
	CauseQueueTimeout          // it waited for timeouts.queue without a session, or held by a limit
	CauseRegistryAway          // no session could be opened for longer than timeouts.queue
	CauseLoginRefused          // the registry refuses the login, and a retry does not help
	CauseTooManySessions       // the registry refuses the login with 2502
	CauseClientGone            // the client closed its connection
	CauseCommandTimeout        // no answer within timeouts.command
	// the registry closed the session, or the network broke it; or the login failed at the
	// registry, or had no answer
	CauseRegistryClosed
	CauseConnect  // name look-up or TCP failed
	CauseGreeting // no valid greeting within timeouts.greeting
	// octets that are no frame: a length out of bounds, or XML that is not well-formed
	CauseFrame
	// a response with another's clTRID, or another message where a response was due
	CauseMismatch
	CauseUnasked    // octets that nothing asked for
	CauseCodeCloses // result code x5xx: the registry ends the session
	CauseIdle       // above sessions.min, with no work
	CauseAge        // sessions.max_age
	CauseCount      // sessions.max_commands
	// eppmux is draining or stopping; of an attempt to log in also: it was recalled before the
	// login was sent, or a reload made it stale
	CauseShutdown
	// the TLS handshake failed, since a certificate or an address is not accepted, or took too long
	CauseTLS
	CauseLoginLost // the registry answered that the session is not logged in
	CauseThrottled // the registry wants fewer commands
	CauseChanged   // the config has changed: fewer sessions, or another registry
	CauseAudit     // the audit log cannot be written
	CausePaused    // the operator has paused the registry
	CauseReconnect // the operator wants new sessions
	CauseNoRoom    // the memory for all clients together is full, and its client held most
	CauseBlamed    // sessions ended behind commands like this one, which wait therefore
	CauseLedger    // what was used of limits cannot be written down
	CauseServices  // the registry offers other services than the session is logged in with
	CauseErrors    // one more equal error, and the registry ends the session
	CauseFailing   // the session answers every command by 2400, others do not
	CauseNoOwner   // no host owned the account that could be reached
	// this host has owned the account, and may write to the registry no more, since it could not renew
	// that in time
	CauseFenced
	CauseMoved   // another host owns the account, or is to own it
	CauseObjects // a check has more names than a limit that counts them ever admits
	NumCauses    // for tables by Cause
)

var causeNames = [NumCauses]string{"none", "queue_timeout", "registry_away", "login_refused", "too_many_sessions",
	"client_gone", "command_timeout", "registry_closed", "connect", "greeting", "frame", "mismatch", "unasked",
	"code_closes", "idle", "age", "count", "shutdown", "tls", "login_lost", "throttled", "changed",
	"audit", "paused", "reconnect", "no_room", "blamed", "ledger", "services", "equal_errors", "failing",
	"no_owner", "fenced", "moved", "too_many_objects"}

func (c Cause) String() string { return causeNames[c] }

// ours reports whether a session that ends for c ends by our choice, not by the registry's or by a
// failure.
func (c Cause) ours() bool {
	switch c {
	case CauseIdle, CauseAge, CauseCount, CauseShutdown, CauseChanged, CausePaused, CauseReconnect,
		CauseServices, CauseErrors, CauseFailing, CauseFenced, CauseMoved:
		return true
	}
	return false
}

// SessionCauses are the causes for which a session can end. BlameCauses are the ones among them for
// which a client's command can be blamed, DesyncCauses the ones among them by
// which octets came that do not belong where they came.
var (
	SessionCauses = []Cause{CauseCommandTimeout, CauseRegistryClosed, CauseFrame, CauseMismatch, CauseUnasked,
		CauseCodeCloses, CauseIdle, CauseAge, CauseCount, CauseShutdown, CauseLoginLost, CauseChanged, CausePaused,
		CauseReconnect, CauseServices, CauseErrors, CauseFailing, CauseFenced, CauseMoved}
	BlameCauses  = []Cause{CauseCommandTimeout, CauseRegistryClosed, CauseFrame, CauseMismatch, CauseUnasked, CauseCodeCloses}
	DesyncCauses = []Cause{CauseFrame, CauseMismatch, CauseUnasked}
)
