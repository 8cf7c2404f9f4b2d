package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"time"
	"unicode/utf8"

	"eppmux/frame"
)

// verdict is what a login has told.
type verdict uint8

const (
	loginUnknown  verdict = iota // it was sent, or may have been, and has no answer
	loginNotSent                 // the registry cannot have seen it
	loginAccepted                // and with it the new password, if there was one
	loginFull                    // refused: no session is free
	loginRefused                 // refused for another reason
)

// loginResult is a verdict with its reason, which never holds a password; nil where it was accepted.
type loginResult struct {
	verdict verdict
	err     error
}

// loginClient logs in at a registry with blocking calls, once for each call of login. Immutable.
type loginClient struct{ r *Registry }

// login connects, logs in and out. ctx ends it before the login is sent; from then on it takes timeouts.login.
func (c *loginClient) login(ctx context.Context, password, newPassword string) loginResult {
	conn, greeting, err := c.connect(ctx)
	if err != nil {
		return loginResult{loginNotSent, err}
	}
	defer conn.Close()
	l := loginOf(c.r)
	l.Password, l.NewPassword = password, newPassword
	if len(l.ObjectURIs) == 0 {
		l.ObjectURIs = greeting.ObjectURIs
	}
	if len(l.ExtensionURIs) == 0 {
		l.ExtensionURIs = greeting.ExtensionURIs
	}
	l.ClTRID = "eppmux-passwd-" + rand.Text()[:13]
	if long := utf8.RuneCountInString(newPassword) > schemaPassword; long && !slices.Contains(l.ExtensionURIs, loginSecurity) {
		return loginResult{loginNotSent, fmt.Errorf("the new password has more than %d characters, and the registry does not offer RFC 8807, which longer ones need", schemaPassword)}
	}
	return c.exchange(conn, &l)
}

const (
	// schemaPassword is the most characters of pwType in RFC 5730's schema.
	schemaPassword = 16

	// loginSecurity is the extension of RFC 8807, which lifts that.
	loginSecurity = "urn:ietf:params:xml:ns:epp:loginSec-1.0"
)

// connect connects and reads the greeting.
func (c *loginClient) connect(ctx context.Context) (net.Conn, frame.Greeting, error) {
	dialing, cancel := context.WithTimeout(ctx, c.r.Timeouts.Connect)
	defer cancel()
	d := &tls.Dialer{NetDialer: new(net.Dialer), Config: c.r.TLSConfig()}
	if c.r.SourceAddress.IsValid() {
		d.NetDialer.LocalAddr = &net.TCPAddr{IP: c.r.SourceAddress.AsSlice()}
	}
	conn, err := d.DialContext(dialing, "tcp", c.r.Address)
	if err != nil {
		return nil, frame.Greeting{}, fmt.Errorf("connect: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	g, err := c.greeting(conn)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, frame.Greeting{}, fmt.Errorf("greeting: %w", err)
	}
	return conn, g, nil
}

func (c *loginClient) greeting(conn net.Conn) (frame.Greeting, error) {
	if err := conn.SetDeadline(time.Now().Add(c.r.Timeouts.Greeting)); err != nil {
		return frame.Greeting{}, err
	}
	payload, err := readUnit(conn)
	if err != nil {
		return frame.Greeting{}, err
	}
	m, err := frame.NewScanner().Scan(payload)
	if err != nil {
		return frame.Greeting{}, err
	}
	if m.Kind != frame.KindGreeting {
		return frame.Greeting{}, fmt.Errorf("got a %v", m.Kind)
	}
	return frame.ParseGreeting(m.Payload)
}

// exchange sends the login and reads its answer, and logs out again.
func (c *loginClient) exchange(conn net.Conn, l *frame.Login) loginResult {
	// An error here is as good as one of the write: nobody knows how far the octets have got.
	_ = conn.SetDeadline(time.Now().Add(c.r.Timeouts.Login))
	if _, err := conn.Write(frame.AppendLogin(nil, l)); err != nil {
		return loginResult{loginUnknown, fmt.Errorf("login: %w", err)}
	}
	payload, err := readUnit(conn)
	if err != nil {
		return loginResult{loginUnknown, fmt.Errorf("login: %w", err)}
	}
	m, err := frame.NewScanner().Scan(payload)
	if err != nil {
		return loginResult{loginUnknown, fmt.Errorf("login: the answer is not EPP: %w", err)}
	}
	if m.Kind != frame.KindResponse || m.ClTRID.Present() && string(m.ClTRID.Value) != l.ClTRID {
		return loginResult{loginUnknown, fmt.Errorf("login: got a %v that is not its answer", m.Kind)}
	}
	switch {
	case m.Code < 2000:
		c.logout(conn)
		return loginResult{verdict: loginAccepted}
	case m.Code == 2502:
		return loginResult{loginFull, refusalOf(m, l)}
	}
	return loginResult{loginRefused, refusalOf(m, l)}
}

// logout gives the session back. The registry frees it at the latest when the connection ends, so how it goes is no
// matter.
func (c *loginClient) logout(conn net.Conn) {
	if _, err := conn.Write(frame.AppendLogout(nil, "eppmux-passwd-"+rand.Text()[:13])); err == nil {
		_, _ = readUnit(conn)
	}
}

// refusalOf is what the registry says, as data: it could hold what a terminal obeys. The passwords of l are taken out before
// it is cut and quoted.
func refusalOf(m *frame.Message, l *frame.Login) error {
	_, text, err := frame.ParseResult(m.Payload)
	if err != nil {
		return fmt.Errorf("the registry answers %d", m.Code)
	}
	return fmt.Errorf("the registry answers %d %s", m.Code, quote(l.Hide(text)))
}
