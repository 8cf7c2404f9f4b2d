package main

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

// endpoint is an EPP server and how to reach it. Immutable.
type endpoint struct {
	network, address string      // as package net takes them
	source           netip.Addr  // to connect from; the zero Addr: as the system chooses
	tls              *tls.Config // nil: plain

	connect, greeting time.Duration // bounds, above 0; connect includes the TLS handshake
}

// endpointOf is a registry that is not the built-in one.
func endpointOf(r *config.Registry) endpoint {
	return endpoint{network: "tcp", address: r.Address, source: r.SourceAddress, tls: r.TLSConfig(),
		connect: r.Timeouts.Connect, greeting: r.Timeouts.Greeting}
}

// conversation is one connection to an EPP server, used with blocking calls: message, answer,
// message, and never a second message while an answer is owed. Owned by one goroutine. purpose,
// pace, grace and onInterrupt are set after open.
type conversation struct {
	conn    net.Conn
	scanner frame.Scanner
	first   []byte // the payload of the greeting
	over    error  // why nothing more may be sent; nil: it may

	purpose string // a word of our ClTRIDs
	pace    *pace  // nil: no limits
	// how long an answer that is under way is still waited for when the context has ended
	grace time.Duration
	// called when that begins, by another goroutine while exchange waits; nil: nothing
	onInterrupt func()
}

// Why nothing more may be sent.
var (
	errOwed  = errors.New("an answer is owed")
	errEnded = errors.New("the server has ended the session with its last answer") // not all do
	errLeft  = errors.New("the server has ended the session")
)

// lostError is about a message that was sent, or may have been, and has no answer.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// wasSent says whether the server may have seen a message of which exchange gives this error.
func wasSent(err error) bool {
	e := (*lostError)(nil)
	return errors.As(err, &e)
}

// open connects and reads the greeting. Whoever gets a conversation closes its conn.
func (e *endpoint) open(ctx context.Context) (*conversation, error) {
	conn, err := e.dial(ctx)
	if err != nil {
		return nil, err
	}
	d := &conversation{conn: conn}
	if err := d.greet(ctx, e.greeting); err != nil {
		conn.Close()
		return nil, err
	}
	return d, nil
}

func (e *endpoint) dial(ctx context.Context) (net.Conn, error) {
	within, cancel := context.WithTimeout(ctx, e.connect)
	defer cancel()
	var dialer net.Dialer
	if e.source.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: e.source.AsSlice()}
	}
	conn, err := dialer.DialContext(within, e.network, e.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", cause(ctx, err, e.connect))
	}
	if e.tls == nil {
		return conn, nil
	}
	config := e.tls.Clone()
	config.DynamicRecordSizingDisabled = true // some registries take one read for one frame
	tc := tls.Client(conn, config)
	if err := tc.HandshakeContext(within); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tls: %w", cause(ctx, err, e.connect))
	}
	return tc, nil
}

func (d *conversation) greet(ctx context.Context, within time.Duration) error {
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

// answer is what came back. It is valid until the next exchange.
type answer struct {
	payload        []byte
	*frame.Message               // nil: the scanner refuses it
	rtt            time.Duration // from the sending to the whole answer
}

// exchange sends a message and reads its answer, within that time. When ctx ends before, it waits
// for grace at most. The answer may be there with an error, too: what came then is not one to the
// message.
func (d *conversation) exchange(ctx context.Context, m *message, within time.Duration) (answer, error) {
	if d.over != nil {
		return answer{}, d.over
	}
	answered, err := d.pace.admit(ctx, m)
	if err != nil {
		return answer{}, err
	}
	defer answered()
	d.over = errOwed
	stop := d.bound(ctx, within)
	defer stop()
	begin := time.Now()
	if _, err := d.conn.Write(append(frame.AppendHeader(nil, len(m.payload)), m.payload...)); err != nil {
		// Nobody knows how far the octets have got.
		return answer{}, &lostError{fmt.Errorf("send: %w", cause(ctx, err, within))}
	}
	payload, err := readUnit(d.conn)
	if err != nil {
		return answer{}, &lostError{fmt.Errorf("answer: %w", cause(ctx, err, within))}
	}
	a := answer{payload: payload, rtt: time.Since(begin)}
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
		d.over = errEnded
	}
	return a, nil
}

// bound sets the deadline of what follows and brings it forward when ctx ends. stop ends the
// latter.
func (d *conversation) bound(ctx context.Context, within time.Duration) (stop func()) {
	until := time.Now().Add(within)
	_ = d.conn.SetDeadline(until) // an error shows at the next read or write, too
	done := make(chan struct{})   // closed when the function below has ended
	unhook := context.AfterFunc(ctx, func() {
		defer close(done)
		if d.onInterrupt != nil {
			d.onInterrupt()
		}
		if sooner := time.Now().Add(d.grace); sooner.Before(until) {
			_ = d.conn.SetDeadline(sooner)
		}
	})
	return func() {
		if !unhook() {
			<-done
		}
	}
}

// clTRID is a new one.
func (d *conversation) clTRID() string { return "eppmux-" + d.purpose + "-" + rand.Text()[:13] }

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
