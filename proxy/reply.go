package proxy

import (
	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// reply is a result that we choose ourselves. All of them are in this file, each with its reason.
type reply struct {
	code   int
	text   string // RFC 5730 section 3 gives the words for a code
	reason string
}

// Replies to what is answered here.
var (
	replyLoggedIn      = reply{1000, "Command completed successfully", ""}
	replyLoggedOut     = reply{1500, "Command completed successfully; ending session", ""}
	replyLoggedInTwice = reply{2002, "Command use error", "already logged in"}

	// RFC 5730 section 2.9.1.1: version and language are the client's choice among those of the
	// greeting.
	replyVersion = reply{2100, "Unimplemented protocol version", "EPP version 1.0 is spoken here"}

	// A local client must not change the password that all share.
	replyNewPassword = reply{2102, "Unimplemented option", "the registry's password is not changed through eppmux clients"}

	replyObject    = reply{2307, "Unimplemented object service", "an object service of this login is not in use with the registry"}
	replyExtension = reply{2103, "Unimplemented extension", "an extension of this login is not in use with the registry"}

	replyNoRoom = reply{2400, "Command failed", "not sent to registry; safe to retry; too much is held for all clients together"}

	replyTooManyClients = reply{2502, "Session limit exceeded; server closing connection", "clients.max is reached"}
	replyTooLong        = reply{2500, "Command failed; server closing connection", "frame is longer than clients.max_frame"}
	replyTooFarAhead    = reply{2500, "Command failed; server closing connection", "more sent ahead than clients.max_ahead"}

	// Said to a stranger.
	replyTooLongYet     = reply{2500, "Command failed; server closing connection", "frame is longer than 8192 octets, before login"}
	replyTooFarAheadYet = reply{2500, "Command failed; server closing connection", "more than 8196 octets sent ahead, before login"}

	// RFC 5730 section 3: 2201 is for a command for which the client is not authorized.
	replyDisallowed = reply{2201, "Authorization error", "this listener does not allow the command"}

	replyNoMemory      = reply{2500, "Command failed; server closing connection", "too much is held for all clients together"}
	replyLongLogin     = reply{2001, "Command syntax error", "login is longer than 8192 octets"}
	replyLoginsRefused = reply{2501, "Authentication error; server closing connection", "three logins or commands before login in a row were refused"}
	replyLoginTimeout  = reply{2501, "Authentication error; server closing connection", "login timeout"}
	// RFC 5730 section 3: 2200 is for credentials that are not right, 2002 for a command that may
	// not be given now.
	replyCredentials = reply{2200, "Authentication error", ""}
	replyNotLoggedIn = reply{2002, "Command use error", "log in first"}
	replyLoginsBusy  = reply{2400, "Command failed", "too many logins at once; try again later"}

	replyTooManyFaults = reply{2500, "Command failed; server closing connection", "three faulty frames in a row"}
)

// replyFault is the result for a frame that the scanner refuses.
//
// RFC 5730 section 3: 2001 is for a command that is improperly formed.
func replyFault(err error) reply { return reply{2001, "Command syntax error", err.Error()} }

// replyNotSent is the result for a command of which the registry has seen nothing: 2400, "could not
// be processed due to server error", with words that say that repeating it is safe.
func replyNotSent(x *upstream.Exchange, cause pool.Cause) reply {
	r := reply{2400, "Command failed", "not sent to registry; safe to retry"}
	if x.Rejected() {
		r.reason = "registry did not execute it; safe to retry"
	}
	switch cause {
	case pool.CauseQueueTimeout:
		r.reason += "; no session was free in time"
	case pool.CauseRegistryAway:
		r.reason += "; registry is not reachable"
	case pool.CauseLoginRefused:
		r.reason += "; registry refuses the login"
	case pool.CauseThrottled:
		r.reason += "; registry wants fewer commands"
	case pool.CauseAudit:
		r.reason += "; the audit log cannot be written"
	case pool.CausePaused:
		r.reason += "; the registry is paused"
	case pool.CauseShutdown:
		r.reason += "; eppmux is stopping"
	}
	return r
}

// replyUnknown is the result for a command that was sent and has no answer. A query is always
// answered so; a transform only where the operator prefers it to a closed connection.
func replyUnknown(x *upstream.Exchange) reply {
	if x.Query {
		return reply{2400, "Command failed", "no answer from registry; safe to retry"}
	}
	return reply{2400, "Command failed", "outcome unknown; check before retrying; sent as " + string(x.MuxTRID())}
}

// appendReply appends r as a data unit. clTRID is the content of the client's clTRID element, nil
// where it sent none.
func (s *Server) appendReply(dst []byte, r reply, clTRID []byte) []byte {
	return frame.AppendResponse(dst, r.code, r.text, r.reason, clTRID, s.nextSvTRID())
}
