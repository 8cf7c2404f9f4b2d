package main

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

// verdict is what a login has told.
type verdict uint8

const (
	loginUnknown  verdict = iota // it was sent, or may have been, and has no answer
	loginNotSent                 // the registry cannot have seen it
	loginAccepted                // and with it the new password, if there was one
	loginFull                    // refused: no session is free
	loginRefused                 // refused for another reason
)

// loginResult is a verdict with its reason, which never holds a password; nil where it was
// accepted.
type loginResult struct {
	verdict verdict
	err     error
}

// refusal is what a registry says where it refuses.
type refusal struct {
	code int
	text string // quoted: it could hold what a terminal obeys; empty: none
}

func (r *refusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("the registry answers %d %s", r.code, r.text))
}

// loginFor is the login that r's config and the greeting make, with r's password.
func (d *conversation) loginFor(r *config.Registry) (frame.Login, error) {
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
	l.ClTRID = d.clTRID()
	return l, nil
}

// login sends a login and reads its answer, as exchange does.
func (d *conversation) login(ctx context.Context, l *frame.Login, within time.Duration) loginResult {
	a, err := d.exchange(ctx, newMessage(frame.AppendLogin(nil, l)[frame.HeaderLen:]), within)
	switch {
	case err != nil && wasSent(err):
		return loginResult{loginUnknown, fmt.Errorf("login: %s", l.Hide(err.Error()))}
	case err != nil:
		return loginResult{loginNotSent, fmt.Errorf("login: %w", err)}
	case a.Code < 2000:
		return loginResult{verdict: loginAccepted}
	case a.Code == 2502:
		return loginResult{loginFull, refusalOf(a.Message, l)}
	}
	return loginResult{loginRefused, refusalOf(a.Message, l)}
}

// logout gives the session back. The registry frees it at the latest when the connection ends, so
// how it goes is no matter; the error says why it was not sent.
func (d *conversation) logout() error {
	ctx, cancel := context.WithTimeout(context.Background(), logoutWithin)
	defer cancel()
	d.grace, d.onInterrupt = 0, nil
	if d.over == errEnded {
		d.over = nil // some registries stay after a 2502
	}
	_, err := d.exchange(ctx, newMessage(frame.AppendLogout(nil, d.clTRID())[frame.HeaderLen:]), logoutWithin)
	if err == nil || wasSent(err) || errors.Is(err, errLeft) {
		return nil
	}
	return err
}

func refusalOf(m *frame.Message, l *frame.Login) error {
	_, text, err := frame.ParseResult(m.Payload)
	if err != nil {
		return &refusal{code: m.Code}
	}
	return &refusal{m.Code, cli.Quote(l.Hide(text))}
}
