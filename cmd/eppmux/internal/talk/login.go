package talk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
)

// logoutWithin bounds a logout, with all that it waits for.
const logoutWithin = 5 * time.Second

// Verdict is what a login has told.
type Verdict uint8

const (
	LoginUnknown  Verdict = iota // it was sent, or may have been, and has no answer
	LoginNotSent                 // the registry cannot have seen it
	LoginAccepted                // and with it the new password, if there was one
	LoginFull                    // refused: no session is free
	LoginRefused                 // refused for another reason
)

// LoginResult is a verdict with its reason, which never holds a password; nil where it was
// accepted.
type LoginResult struct {
	Verdict Verdict
	Err     error
}

// Refusal is what a registry says where it refuses.
type Refusal struct {
	Code int
	text string // quoted: it could hold what a terminal obeys; empty: none
}

// Error implements error.
func (r *Refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the registry answers %d %s", r.Code, r.text))
}

// LoginFor is the login that r's config and the greeting make, with r's password.
func (d *Conversation) LoginFor(r *config.Registry) (frame.Login, error) {
	g, err := frame.ParseGreeting(d.first)
	if err != nil {
		return frame.Login{}, fmt.Errorf("greeting: %w", err)
	}
	l := r.Login.EPP()
	if len(l.ObjectURIs) == 0 {
		l.ObjectURIs = g.ObjectURIs
	}
	if len(l.ExtensionURIs) == 0 {
		l.ExtensionURIs = g.ExtensionURIs
	}
	l.ClTRID = d.NewClTRID()
	return l, nil
}

// Login sends a login and reads its answer, as Exchange does.
func (d *Conversation) Login(ctx context.Context, l *frame.Login, within time.Duration) LoginResult {
	a, err := d.Exchange(ctx, NewMessage(frame.AppendLogin(nil, l)[frame.HeaderLen:]), within)
	switch {
	case err != nil && WasSent(err):
		return LoginResult{LoginUnknown, fmt.Errorf("login: %s", l.Hide(err.Error()))}
	case err != nil:
		return LoginResult{LoginNotSent, fmt.Errorf("login: %w", err)}
	case a.Code < 2000:
		return LoginResult{Verdict: LoginAccepted}
	case a.Code == 2502:
		return LoginResult{LoginFull, refusalOf(a.Message, l)}
	}
	return LoginResult{LoginRefused, refusalOf(a.Message, l)}
}

// Logout gives the session back. The registry frees it at the latest when the connection ends, so
// how it goes is no matter; the error says why it was not sent.
func (d *Conversation) Logout() error {
	ctx, cancel := context.WithTimeout(context.Background(), logoutWithin)
	defer cancel()
	d.Grace, d.OnInterrupt = 0, nil
	if d.over == ErrEnded {
		d.over = nil // some registries stay after a 2502
	}
	_, err := d.Exchange(ctx, NewMessage(frame.AppendLogout(nil, d.NewClTRID())[frame.HeaderLen:]), logoutWithin)
	if err == nil || WasSent(err) || errors.Is(err, errLeft) {
		return nil
	}
	return err
}

func refusalOf(m *frame.Message, l *frame.Login) error {
	_, text, err := frame.ParseResult(m.Payload)
	if err != nil {
		return &Refusal{Code: m.Code}
	}
	return &Refusal{m.Code, cli.Quote(l.Hide(text))}
}
