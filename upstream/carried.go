package upstream

import (
	"errors"
	"fmt"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// Result is how a command of a Caller ended.
type Result struct {
	End   pool.End
	Cause pool.Cause // CauseNone for EndAnswered
	Code  int        // the registry's result code; EndAnswered only
	// Payload is the registry's answer, with the command's own clTRID in it; EndAnswered only. It
	// is the caller's.
	Payload []byte
	SvTRID  string // the registry's id in it; EndAnswered only
	// MuxTRID is the transaction id under which the registry knows the command, for a look-up when
	// End is EndUnknown; empty where nothing was sent, or the payload has no place for one.
	MuxTRID string
}

// ErrNotCarried is returned for a payload that an account does not carry: a hello, a login, a
// logout, or a registry's message.
var ErrNotCarried = errors.New("this message is not carried to a registry")

// Carried reports whether m is a command that an account carries: logging in and out is its own
// affair.
func Carried(m *frame.Message) bool {
	return (m.Kind == frame.KindCommand || m.Kind == frame.KindExtension) &&
		m.Command != frame.CommandLogin && m.Command != frame.CommandLogout
}

// carries returns why a payload is none that an account carries, or nil. From any goroutine.
func (a *Account) carries(payload []byte) error {
	s, _ := a.scanners.Get().(*frame.Scanner)
	if s == nil {
		s = new(frame.Scanner)
	}
	defer a.scanners.Put(s)
	m, err := s.Scan(payload)
	switch {
	case err != nil:
		return fmt.Errorf("command: %w", err)
	case !Carried(m):
		return ErrNotCarried
	}
	return nil
}

// Query reports whether a command only reads, by what is known of its extensions, see
// Config.QueryExtensions. On the loop.
func (a *Account) Query(m *frame.Message) bool { return m.Query(a.cfg.QueryExtensions) }
