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
	"eppmux/loop"
)

// maxAnswer bounds an answer, in octets of payload.
const maxAnswer = 16 << 20

// Endpoint is the address of an EPP server and the way to reach it. Immutable.
type Endpoint struct {
	Network, Address string      // as package net takes them
	source           netip.Addr  // to connect from; the zero Addr: as the system chooses
	TLS              *tls.Config // nil: plain

	Connect, Greeting time.Duration // bounds, above 0; Connect includes the TLS handshake
}

// EndpointOf returns the endpoint of a registry, which must not be the built-in one.
func EndpointOf(r *config.Registry) Endpoint {
	return Endpoint{Network: "tcp", Address: r.Address, source: r.SourceAddress, TLS: r.TLSConfig(),
		Connect: r.Timeouts.Connect, Greeting: r.Timeouts.Greeting}
}

// Conversation is one connection to an EPP server, used with blocking calls: message, answer,
// message, and never a second message while an answer is owed. Owned by one goroutine. The caller
// of Open sets Purpose, Pace, Grace and OnInterrupt.
type Conversation struct {
	conn    net.Conn
	scanner frame.Scanner
	first   []byte     // the payload of the greeting
	root    frame.Root // of the greeting, in which our own messages are written
	over    error      // why nothing more may be sent; nil: it may

	handshake loop.Handshake

	Purpose string // a word of our clTRIDs
	Pace    *Pace  // nil: no limits
	// Grace is how long Exchange still waits for an answer after its context has ended.
	Grace time.Duration
	// OnInterrupt is called when that wait begins, on another goroutine, while Exchange waits. Nil:
	// nothing is called.
	OnInterrupt func()
}

// The reasons why nothing more may be sent.
var (
	errOwed = errors.New("an answer is owed")
	// ErrEnded follows an answer of 25xx. Some registries stay connected after it.
	ErrEnded = errors.New("the server has ended the session with its last answer")
	errLeft  = errors.New("the server has ended the session")
)

// lostError is about a message that was sent, in whole or in part, and has no answer.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// WasSent reports whether the server may have seen the message for which Exchange returned err.
func WasSent(err error) bool {
	e := (*lostError)(nil)
	return errors.As(err, &e)
}

// Open connects and reads the greeting. The caller must close the conversation.
func (e *Endpoint) Open(ctx context.Context) (*Conversation, error) {
	d := new(Conversation)
	if err := d.dial(ctx, e); err != nil {
		return nil, err
	}
	if err := d.greet(ctx, e.Greeting); err != nil {
		d.conn.Close()
		return nil, err
	}
	return d, nil
}

// Close ends the connection.
func (d *Conversation) Close() { d.conn.Close() }

// Greeting returns the greeting that Open has read. It is valid until the next exchange.
func (d *Conversation) Greeting() (Answer, error) {
	m, odd, err := d.scanner.ScanGreeting(d.first)
	return Answer{Octets: d.first, Message: m, Odd: odd}, err
}

// dial connects and shakes hands.
func (d *Conversation) dial(ctx context.Context, e *Endpoint) error {
	within, cancel := context.WithTimeout(ctx, e.Connect)
	defer cancel()
	var dialer net.Dialer
	if e.source.IsValid() {
		dialer.LocalAddr = &net.TCPAddr{IP: e.source.AsSlice()}
	}
	conn, err := dialer.DialContext(within, e.Network, e.Address)
	if err != nil {
		return fmt.Errorf("connect: %w", cause(ctx, err, e.Connect))
	}
	d.conn = conn
	if e.TLS == nil {
		return nil
	}
	config := e.TLS.Clone()
	// Some registries take what one read returns for a whole frame.
	config.DynamicRecordSizingDisabled = true
	d.handshake = loop.Handshake{Who: "the server", Name: config.ServerName}
	tc := tls.Client(conn, loop.NoteAsked(config, &d.handshake.Bare))
	if err := tc.HandshakeContext(within); err != nil {
		conn.Close()
		return d.rejected(err, cause(ctx, err, e.Connect))
	}
	d.conn = tc
	return nil
}

// rejected is the error by which a TLS handshake has failed, in words for the operator.
func (d *Conversation) rejected(err, words error) error {
	if why := d.handshake.Explain(err); why != "" {
		return fmt.Errorf("tls: %s: %w", why, words)
	}
	return fmt.Errorf("tls: %w", words)
}

// greet reads the greeting and keeps it.
func (d *Conversation) greet(ctx context.Context, within time.Duration) error {
	stop := d.bound(ctx, within)
	payload, err := readUnit(d.conn)
	stop()
	if loop.Alerted(err) {
		// With TLS 1.3, a client's certificate is judged after the handshake.
		return d.rejected(err, err)
	}
	if err != nil {
		return fmt.Errorf("greeting: %w", cause(ctx, err, within))
	}
	d.first = payload
	m, err := d.greeting()
	switch {
	case err != nil:
		return fmt.Errorf("greeting: %w", err)
	case m.Kind == frame.KindResponse: // many servers say there why they do not serve us
		return fmt.Errorf("greeting: got a response in its place: %w", refusalOf(m, new(frame.Login)))
	case m.Kind != frame.KindGreeting:
		return fmt.Errorf("greeting: got a %v", m.Kind)
	}
	if g, err := frame.ParseGreeting(m.Payload); err == nil {
		d.root = g.Root
	}
	return nil
}

// Root returns in which namespace the server greets, and expects our own messages.
func (d *Conversation) Root() frame.Root { return d.root }

// Answer is what the server has sent back. It is valid until the next exchange.
type Answer struct {
	Octets         []byte        // the payload, even if it is not EPP
	*frame.Message               // nil: the payload is no answer
	Odd            frame.Reason  // which rule of XML the payload breaks; ReasonNone: none
	RTT            time.Duration // from the sending to the whole answer
}

// Exchange sends a message and reads its answer. It waits for Pace first. The exchange itself takes
// at most the time within and, once ctx has ended, at most Grace. With an error there may be an
// Answer as well: the server has sent something, but it does not answer the message.
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
		// Some octets may have reached the server.
		return Answer{}, &lostError{fmt.Errorf("send: %w", cause(ctx, err, within))}
	}
	payload, err := readUnit(d.conn)
	if err != nil {
		return Answer{}, &lostError{fmt.Errorf("answer: %w", cause(ctx, err, within))}
	}
	a := Answer{Octets: payload, RTT: time.Since(begin)}
	if a.Message, a.Odd, err = d.read(m, payload); err != nil {
		return a, &lostError{fmt.Errorf("the answer is not EPP: %w", err)}
	}
	if !m.answeredBy(a.Message) {
		return a, &lostError{fmt.Errorf("got a %v that is not its answer", a.Kind)}
	}
	d.over = ending(frame.Code(a.Code))
	return a, nil
}

// ending is why an answer with this code is the last of its session; nil if it is not.
func ending(c frame.Code) error {
	switch {
	case !c.Ends():
		return nil
	case c < 2000: // the answer to a logout, or a server that shuts down
		return errLeft
	}
	return ErrEnded
}

// bound sets the deadline of the reads and writes that follow, and brings it forward when ctx ends.
// After stop, the end of ctx changes nothing any more.
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

// NewClTRID makes a clTRID with the purpose in it. No two are the same.
func (d *Conversation) NewClTRID() string { return newClTRID(d.Purpose) }

func newClTRID(purpose string) string { return idHead + purpose + "-" + rand.Text()[:13] }

// cause is the reason of err: the end of ctx, a deadline of so long, or err itself.
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

// closedEarly is err with one text for every end of the connection.
func closedEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was closed")
	}
	return err
}
