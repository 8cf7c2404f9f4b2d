package talk

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
)

// maxAnswer bounds an answer, in octets of payload.
const maxAnswer = 16 << 20

// Endpoint is an EPP server and how to reach it. Immutable.
type Endpoint struct {
	Network, Address string      // as package net takes them
	source           netip.Addr  // to connect from; the zero Addr: as the system chooses
	TLS              *tls.Config // nil: plain

	Connect, Greeting time.Duration // bounds, above 0; Connect includes the TLS handshake
}

// EndpointOf is a registry that is not the built-in one.
func EndpointOf(r *config.Registry) Endpoint {
	return Endpoint{Network: "tcp", Address: r.Address, source: r.SourceAddress, TLS: r.TLSConfig(),
		Connect: r.Timeouts.Connect, Greeting: r.Timeouts.Greeting}
}

// Conversation is one connection to an EPP server, used with blocking calls: message, answer,
// message, and never a second message while an answer is owed. Owned by one goroutine. Purpose,
// Pace, Grace and OnInterrupt are set after Open.
type Conversation struct {
	conn    net.Conn
	scanner frame.Scanner
	first   []byte // the payload of the greeting
	over    error  // why nothing more may be sent; nil: it may

	Purpose string // a word of our clTRIDs
	Pace    *Pace  // nil: no limits
	// how long an answer that is under way is still waited for when the context has ended
	Grace time.Duration
	// called when that begins, by another goroutine while Exchange waits; nil: nothing
	OnInterrupt func()
}

// Why nothing more may be sent.
var (
	errOwed  = errors.New("an answer is owed")
	ErrEnded = errors.New("the server has ended the session with its last answer") // not all do
	errLeft  = errors.New("the server has ended the session")
)

// lostError is about a message that was sent, or may have been, and has no answer.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// WasSent reports whether the server may have seen a message of which Exchange gives this error.
func WasSent(err error) bool {
	e := (*lostError)(nil)
	return errors.As(err, &e)
}

// Open connects and reads the greeting. Whoever gets a conversation closes it.
func (e *Endpoint) Open(ctx context.Context) (*Conversation, error) {
	conn, err := e.dial(ctx)
	if err != nil {
		return nil, err
	}
	d := &Conversation{conn: conn}
	if err := d.greet(ctx, e.Greeting); err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

// Close ends the connection.
func (d *Conversation) Close() { d.conn.Close() }

// Greeting is what the server has said first.
func (d *Conversation) Greeting() (Answer, error) {
	m, err := d.scanner.Scan(d.first)
	return Answer{Octets: d.first, Message: m}, err
}

func (e *Endpoint) dial(ctx context.Context) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, e.Connect)
	defer cancel()
	var dialer net.Dialer
	if e.source.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: e.source.AsSlice()}
	}
	conn, err := dialer.DialContext(within, e.Network, e.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", cause(ctx, err, e.Connect))
	}
	if e.TLS == nil {
		return conn, nil
	}
	config := e.TLS.Clone()
	config.DynamicRecordSizingDisabled = true // some registries take one read for one frame
	tc := tls.Client(conn, config)
	if err := tc.HandshakeContext(within); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tls: %w", cause(ctx, err, e.Connect))
	}
	return tc, nil
}

func (d *Conversation) greet(ctx context.Context, within time.Duration) error {
	stop := d.bound(ctx, within)
	payload, err := readUnit(d.conn)
	stop()
	if alert := (*net.OpError)(nil); errors.As(err, &alert) && alert.Op == "remote error" {
		// With TLS 1.3, a client's certificate is judged after the handshake.
		return fmt.Errorf("tls: the server does not accept our certificate, or wants one: %w", err)
	}
	if err != nil {
		return fmt.Errorf("greeting: %w", cause(ctx, err, within))
	}
	m, err := d.scanner.Scan(payload)
	switch {
	case err != nil:
		return fmt.Errorf("greeting: %w", err)
	case m.Kind != frame.KindGreeting:
		return fmt.Errorf("greeting: got a %v", m.Kind)
	}
	d.first = payload
	return nil
}

// Answer is what came back. It is valid until the next exchange.
type Answer struct {
	Octets         []byte        // its payload, also where that is not EPP
	*frame.Message               // nil: the scanner refuses it
	RTT            time.Duration // from the sending to the whole answer
}

// Exchange sends a message and reads its answer, within that time. When ctx ends before, it waits
// for Grace at most. The answer may be there with an error, too: what came then is not one to the
// message.
func (d *Conversation) Exchange(ctx context.Context, m *Message, within time.Duration) (Answer, error) {
	if d.over != nil {
		return Answer{}, d.over
	}
	answered, err := d.Pace.admit(ctx, m)
	if err != nil {
		return Answer{}, err
	}
	defer answered()
	d.over = errOwed
	stop := d.bound(ctx, within)
	defer stop()
	begin := time.Now()
	if _, err := d.conn.Write(append(frame.AppendHeader(nil, len(m.payload)), m.payload...)); err != nil {
		// Nobody knows how far the octets have got.
		return Answer{}, &lostError{fmt.Errorf("send: %w", cause(ctx, err, within))}
	}
	payload, err := readUnit(d.conn)
	if err != nil {
		return Answer{}, &lostError{fmt.Errorf("answer: %w", cause(ctx, err, within))}
	}
	a := Answer{Octets: payload, RTT: time.Since(begin)}
	if a.Message, err = d.scanner.Scan(payload); err != nil {
		return a, &lostError{fmt.Errorf("the answer is not EPP: %w", err)}
	}
	if !m.answeredBy(a.Message) {
		return a, &lostError{fmt.Errorf("got a %v that is not its answer", a.Kind)}
	}
	switch d.over = nil; a.Code / 100 { // RFC 5730 section 3: x5xx ends the connection
	case 15:
		d.over = errLeft
	case 25:
		d.over = ErrEnded
	}
	return a, nil
}

// bound sets the deadline of what follows and brings it forward when ctx ends. stop ends the
// latter.
func (d *Conversation) bound(ctx context.Context, within time.Duration) (stop func()) {
	until := time.Now().Add(within)
	_ = d.conn.SetDeadline(until) // an error shows at the next read or write, too
	done := make(chan struct{})   // closed when the function below has ended
	unhook := context.AfterFunc(ctx, func() {
		defer close(done)
		if d.OnInterrupt != nil {
			d.OnInterrupt()
		}
		if sooner := time.Now().Add(d.Grace); sooner.Before(until) {
			_ = d.conn.SetDeadline(sooner)
		}
	})
	return func() {
		if !unhook() {
			<-done
		}
	}
}

// NewClTRID makes one with the purpose in it.
func (d *Conversation) NewClTRID() string { return "eppmux-" + d.Purpose + "-" + rand.Text()[:13] }

// cause is err, or what stands behind it.
func cause(ctx context.Context, err error, within time.Duration) error {
	switch {
	case ctx.Err() != nil:
		return cli.ErrInterrupted
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("nothing within %v", within)
	}
	return err
}

// readUnit reads one data unit and returns its payload.
func readUnit(r io.Reader) ([]byte, error) {
	header := make([]byte, frame.HeaderLen)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, closedEarly(err)
	}
	n, err := frame.Size(header, maxAnswer)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, n-frame.HeaderLen)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, closedEarly(err)
	}
	return payload, nil
}

func closedEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was closed")
	}
	return err
}
