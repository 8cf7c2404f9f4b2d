package proxy

import (
	"fmt"

	"eppmux/frame"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// reply is a result that we choose ourselves. All of them are in this file, each with its reason.
// The text in front of the reason is the one that RFC 5730 section 3 gives the code.
type reply struct {
	code   frame.Code
	reason string // empty: the text is enough
}

// Replies to frames that are answered here.
var (
	replyLoggedIn      = reply{1000, ""}
	replyLoggedOut     = reply{1500, ""}
	replyLoggedInTwice = reply{2002, "already logged in"}

	// RFC 5730 section 2.9.1.1: version and language are the client's choice among those of the
	// greeting.
	replyVersion = reply{2100, "EPP version 1.0 is spoken here"}

	// RFC 5730 section 3: 2003 is for a required parameter that is missing. Said only where logins are
	// verified: where none is needed, one may be anything.
	replyIncomplete = reply{2003, "a login has clID, pw, options with version and lang, and svcs with an objURI"}

	// A local client must not change the password that all share.
	replyNewPassword = reply{2102, "the registry's password is not changed through eppmux clients"}

	replyObject    = reply{2307, "an object service of this login is not in use with the registry"}
	replyExtension = reply{2103, "an extension of this login is not in use with the registry"}

	// For the command of a client that holds most of what is held for all, and has it wait.
	replyNoRoom = reply{2400,
		"not sent to registry; safe to retry; too much is held for all clients, and most of it for this one"}

	replyTooManyClients = reply{2502, "clients.max is reached"}
	replyTooLong        = reply{2500, "frame is longer than clients.max_frame"}
	replyTooFarAhead    = reply{2500, "more sent ahead than clients.max_ahead"}

	// Said to a stranger.
	replyTooLongYet     = reply{2500, "frame is longer than 8192 octets, before login"}
	replyTooFarAheadYet = reply{2500, "more than 8196 octets sent ahead, before login"}

	// RFC 5730 section 3: 2000 is for a command element that EPP does not define. It goes before 2201:
	// no listener could allow it.
	replyUnknownCommand = reply{2000, "no command of EPP, and in no namespace that the registry's greeting offers"}

	// RFC 5730 section 3: 2201 is for a command for which the client is not authorized.
	replyDisallowed = reply{2201, "this listener does not allow the command"}

	// To a client that polls while another one has the message queue. RFC 5730 section 2.9.2.3: 1300 is for
	// an empty queue, as a client in its turn would see it. 2303 is what an acknowledgement gets for a
	// message that is not there.
	replyNoMessages     = reply{1300, ""}
	replyNotYourMessage = reply{2303, "another client has the message queue"}

	replyNoMemory      = reply{2500, "too much is held for all clients, and most of it for this one"}
	replyLongLogin     = reply{2001, "login is longer than 8192 octets"}
	replyLoginsRefused = reply{2501, "three logins or commands before login in a row were refused"}
	replyLoginTimeout  = reply{2501, "login timeout"}
	// RFC 5730 section 3: 2200 is for credentials that are not right, 2002 for a command that may
	// not be given now.
	replyCredentials = reply{2200, ""}
	replyNotLoggedIn = reply{2002, "log in first"}
	replyLoginsBusy  = reply{2400, "too many logins at once; try again later"}

	replyTooManyFaults = reply{2500, "three faulty frames in a row"}
)

// loginReplies are the replies to logins by verdict. The reply to loginMalformed is replyFault.
var loginReplies = [numVerdicts]reply{
	loginRight:       replyLoggedIn,
	loginTwice:       replyLoggedInTwice,
	loginLong:        replyLongLogin,
	loginIncomplete:  replyIncomplete,
	loginVersion:     replyVersion,
	loginNewPassword: replyNewPassword,
	loginObject:      replyObject,
	loginExtension:   replyExtension,
	loginCredentials: replyCredentials,
	loginBusy:        replyLoginsBusy,
}

// loginReply is the reply to a login. err is the parser's where the login is malformed.
func loginReply(v verdict, err error) reply {
	if v == loginMalformed {
		return replyFault(err)
	}
	return loginReplies[v]
}

// replyFault is the result for a frame that the scanner refuses.
//
// RFC 5730 section 3: 2001 is for a command that is improperly formed.
func replyFault(err error) reply { return reply{2001, err.Error()} }

// replyNotSent is the result for a command of which the registry has seen nothing, or of which it
// answered that it did not execute it: 2400, "could not be processed due to server error", with
// words that say that repeating it is safe.
func replyNotSent(x *upstream.Exchange, cause pool.Cause) reply {
	r := reply{2400, "not sent to registry; safe to retry"}
	if x.Rejected() {
		r.reason = "registry did not execute it; safe to retry"
	}
	switch cause {
	case pool.CauseQueueTimeout:
		r.reason += "; no session was free in time"
	case pool.CauseRegistryAway:
		r.reason += "; no session with the registry can be opened"
	case pool.CauseLoginRefused:
		r.reason += "; registry refuses the login"
	case pool.CauseBlamed:
		r.reason += "; sessions ended behind such commands, so that they are held back"
	case pool.CauseThrottled:
		r.reason += "; registry wants fewer commands"
	case pool.CauseAudit:
		r.reason += "; the audit log cannot be written"
	case pool.CauseLedger:
		r.reason += "; what is used of limits cannot be written down"
	case pool.CausePaused:
		r.reason += "; the registry is paused"
	case pool.CauseShutdown:
		r.reason += "; eppmux is stopping"
	case pool.CauseNoOwner:
		r.reason += "; no host of the cluster that has the account was reached"
	case pool.CauseFenced, pool.CauseMoved:
		r.reason += "; another host of the cluster takes the account over"
	}
	return r
}

// replyTooManyNames is the result for a check that a limit which counts names never admits. Nothing was
// sent, and a repeat would not be either.
//
// RFC 5730 section 3: 2306 is for a value that the schema allows and the server's policy does not.
func replyTooManyNames(x *upstream.Exchange, most int) reply {
	return reply{2306, fmt.Sprintf("not sent to registry; %d names in a check are more than the limit of %d; "+
		"ask for fewer at once", x.Objects, most)}
}

// replyUnknown is the result for a command that was sent and has no answer. A query always gets it;
// a transform only where the operator prefers it to a closed connection.
func replyUnknown(x *upstream.Exchange) reply {
	if x.Query {
		return reply{2400, "no answer from registry; safe to retry"}
	}
	return reply{2400, "outcome unknown; check before retrying; sent as " + string(x.MuxTRID())}
}

// appendReply appends r as a data unit. clTRID is the content of the client's clTRID element, nil
// where it sent none. It is in the namespace of the registry's greeting, which clients were greeted in.
func (s *Server) appendReply(dst []byte, r reply, clTRID []byte) []byte {
	return s.offered.Root.AppendResponse(dst, int(r.code), r.code.Text(), r.reason, clTRID, s.nextSvTRID())
}
