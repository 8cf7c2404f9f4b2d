package main

import (
	"context"
	"fmt"
	"unicode/utf8"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
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
	if utf8.RuneCountInString(newPassword) > schemaPassword && !l.LongPasswords() {
		return talk.LoginResult{Verdict: talk.LoginNotSent,
			Err: fmt.Errorf("the new password has more than %d characters, and the registry does not offer "+
				"RFC 8807, which longer ones need", schemaPassword)}
	}
	// The answer under way may be the last before the registry locks the account.
	d.Grace = c.r.Timeouts.Login
	res := d.Login(ctx, &l, c.r.Timeouts.Login)
	if res.Verdict == talk.LoginAccepted {
		_ = d.Logout()
	}
	return res
}

// schemaPassword is the greatest length of pwType in RFC 5730's schema, in characters.
const schemaPassword = 16
