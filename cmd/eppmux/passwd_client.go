package main

import (
	"context"
	"fmt"
	"unicode/utf8"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// loginClient logs in at a registry, with a connection for each login. Immutable.
type loginClient struct{ r *config.Registry }

// login connects, logs in and logs out. The end of ctx stops it before the login is sent. After
// that it takes up to timeouts.login, and the time of a logout.
func (c *loginClient) login(ctx context.Context, password, newPassword string) talk.LoginResult {
	to := talk.EndpointOf(c.r)
	d, err := to.Open(ctx)
	if err != nil {
		return talk.LoginResult{Verdict: talk.LoginNotSent, Err: err}
	}
	defer d.Close()
	d.Purpose = "passwd"
	l, err := d.LoginFor(c.r)
	if err != nil {
		return talk.LoginResult{Verdict: talk.LoginNotSent, Err: err}
	}
	l.Password, l.NewPassword = password, newPassword
	if n := longest(c.r, &l); n > 0 && utf8.RuneCountInString(newPassword) > n {
		return talk.LoginResult{Verdict: talk.LoginNotSent,
			Err: fmt.Errorf("the new password has more than %d characters, and the registry does not offer "+
				"RFC 8807, which longer ones need", n)}
	}
	// The answer under way may be the last before the registry locks the account.
	d.Grace = c.r.Timeouts.Login
	res := d.Login(ctx, &l, c.r.Timeouts.Login)
	if res.Verdict == talk.LoginAccepted {
		_ = d.Logout()
	}
	return res
}

// longest returns how many characters a password of l may have; 0: any number. Where the registry's
// own rule goes beyond the schema, the login itself takes that many.
func longest(r *config.Registry, l *frame.Login) int {
	if l.LongPasswords() {
		return 0
	}
	if p := config.ProfileOf(r.Profile); p != nil {
		return max(schemaPassword, p.Password.Max)
	}
	return schemaPassword
}

// schemaPassword is the greatest length of pwType in RFC 5730's schema, in characters.
const schemaPassword = 16
