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

// logoutWithin bounds a logout, with the wait for its turn and for its answer.
const logoutWithin = 5 * time.Second

// Verdict is the outcome of a login.
type Verdict uint8

const (
	LoginUnknown  Verdict = iota // it was sent, in whole or in part, and has no answer
	LoginNotSent                 // the registry cannot have seen it
	LoginAccepted                // with the new password, if it has one
	LoginFull                    // refused: no session is free
	LoginRefused                 // refused for another reason
)

// LoginResult is a verdict with its reason. Err never holds a password; it is nil if the login was
// accepted.
type LoginResult struct {
	Verdict Verdict
	Err     error
}

// Refusal is the answer of a registry that refuses a login.
type Refusal struct {
	Code int
	text string // quoted, since it could hold what a terminal obeys; empty: none
}

// Error implements error.
func (r *Refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the registry answers %d %s", r.Code, r.text))
}

// LoginFor returns the login that r's config and the greeting make, with r's password.
func (d *Conversation) LoginFor(r *config.Registry) (frame.Login, error) {
	m, err := d.greeting()
	if err != nil {
		return frame.Login{}, fmt.Errorf("greeting: %w", err)
	}
	g, err := frame.ParseGreeting(m.Payload)
	if err != nil {
		return frame.Login{}, fmt.Errorf("greeting: %w", err)
	}
	l := r.Login.EPP()
	l.Complete(g)
	l.ClTRID = d.NewClTRID()
	return l, nil
}

// Login sends a login and reads its answer, bounded as Exchange is.
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

// Logout sends a logout, so that the registry frees the session at once. Otherwise it does so when
// the connection ends, so no answer of the registry is an error: the error says why no logout was
// sent.
func (d *Conversation) Logout() error {
	ctx, cancel := context.WithTimeout(context.Background(), logoutWithin)
	defer cancel()
	d.Grace, d.OnInterrupt = 0, nil
	if d.over == ErrEnded {
		d.over = nil // some registries stay after a 2502
	}
	_, err := d.Exchange(ctx, NewMessage(d.root.AppendLogout(nil, []byte(d.NewClTRID()))[frame.HeaderLen:]),
		logoutWithin)
	if err == nil || WasSent(err) || errors.Is(err, errLeft) {
		return nil
	}
	return err
}

// refusalOf is m without the passwords of l. One of them can be what has broken its XML, so words are not
// shown then.
func refusalOf(m *frame.Message, l *frame.Login) error {
	text, err := l.Words(m.Payload)
	if err != nil || m.Broken {
		return &Refusal{Code: m.Code}
	}
	return &Refusal{m.Code, cli.Quote(text)}
}
