package peer

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"eppmux/frame"
	"eppmux/loop"
	"eppmux/upstream/lane"
)

// take begins the opening of a connection that was accepted.
func (s *Server) take(nc net.Conn) {
	s.working.Add(1) // by accept, which is at work itself
	s.openings.Begin(nc)
	go s.receive(nc)
}

// notTaken tells that the system could take no connection.
func (s *Server) notTaken(err error, wait time.Duration) {
	s.count(func(c *Counters) { c.AcceptErrors++ })
	s.complaints.say(slog.LevelWarn, "", "accept", "wait", wait, "err", err.Error())
}

// receive opens a lane: it shakes hands, reads the Hello, and hands the socket to the account's loop, or
// says why not. It runs on a goroutine of its own, for openingTimeout and lingerTimeout at most; Close
// waits for it.
func (s *Server) receive(nc net.Conn) {
	defer s.working.Done()
	defer s.openings.End(nc)
	_ = nc.SetDeadline(time.Now().Add(openingTimeout))
	under := &loop.Conn{Conn: loop.Hasty{Conn: nc}}
	conn := tls.Server(under, s.tls())
	hello, err := introduced(nc, conn)
	if err != nil {
		s.notOpened(nc, err)
		nc.Close()
		return
	}
	w, t := s.judge(hello)
	if w.Refused != "" {
		s.refused(hello, &w)
		dismiss(nc, conn, &w)
		return
	}
	d := s.deskOf(hello.Account, t.Account)
	if d == nil { // we are about to end
		nc.Close()
		return
	}
	_ = nc.SetDeadline(time.Time{})
	l := &openLane{desk: d, conn: conn, under: under, opening: &opening{hello, w, t}}
	l.from.Client, l.from.Host = l, hello.Host
	if err := d.loop.Enroll(nc, l); err != nil {
		s.notTaken(err, 0)
	}
}

// introduced shakes hands and reads the Hello.
func introduced(nc net.Conn, conn *tls.Conn) (*lane.Hello, error) {
	if err := loop.Watch(nc); err != nil {
		return nil, &openingError{failedSocket, err}
	}
	if err := conn.Handshake(); err != nil {
		return nil, &openingError{failedHandshake, err}
	}
	if p := conn.ConnectionState().NegotiatedProtocol; p != lane.Protocol {
		return nil, &openingError{failedProtocol, fmt.Errorf("it speaks the protocol %q, want %q", p, lane.Protocol)}
	}
	payload, err := readUnit(conn)
	if err != nil {
		return nil, &openingError{failedHello, err}
	}
	h := new(lane.Hello)
	if err := lane.ParseOpening(payload, h); err != nil {
		return nil, &openingError{failedHello, err}
	}
	if !isName(h.Host) {
		return nil, &openingError{failedHello, errors.New("hello: the host has no name that can be shown")}
	}
	return h, nil
}

// readUnit reads the payload of a Hello.
func readUnit(r io.Reader) ([]byte, error) {
	var head [frame.HeaderLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	if _, err := frame.Size(head[:], lane.MaxOpening); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	payload := make([]byte, binary.BigEndian.Uint32(head[:])-frame.HeaderLen)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	return payload, nil
}

// isName reports whether a host's name can be logged and shown.
func isName(host string) bool {
	if host == "" || len(host) > maxHost || !utf8.ValidString(host) {
		return false
	}
	for _, r := range host {
		if !unicode.IsGraphic(r) {
			return false
		}
	}
	return true
}

// tls returns the config of one handshake. Nothing is resumed: each connection shows its certificate.
func (s *Server) tls() *tls.Config { return hardened(s.cfg.TLS()) }

// hardened returns a copy of cfg with what lanes need. Without an authority no certificate is good: with
// no ClientCAs crypto/tls would take those of the system.
func hardened(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS13, 0
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	if cfg.ClientCAs == nil {
		cfg.ClientCAs = x509.NewCertPool()
	}
	cfg.NextProtos = []string{lane.Protocol}
	cfg.SessionTicketsDisabled = true
	cfg.DynamicRecordSizingDisabled = true // an answer is one record where it fits
	if by := cfg.GetConfigForClient; by != nil {
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			other, err := by(hello)
			if err != nil || other == nil {
				return nil, err
			}
			return hardened(other), nil
		}
	}
	return cfg
}

// oldest is the lowest version that works with ours.
const oldest = max(1, lane.Version-1)

// judge says whether the lane is taken, as far as that is known away from the account's loop.
func (s *Server) judge(h *lane.Hello) (w lane.Welcome, t Tenancy) {
	wall := time.Duration(time.Now().UnixNano())
	w = lane.Welcome{Version: lane.Version, Program: s.cfg.Program, Cluster: s.cfg.Cluster, Host: s.cfg.Host,
		Wall: wall}
	if h.Cluster != s.cfg.Cluster {
		w.Refused = lane.RefusedCluster
		return w, t
	}
	if s.cfg.OnSkew != nil {
		s.cfg.OnSkew(h.Host, h.Wall-wall)
	}
	if h.Version < oldest {
		w.Refused = lane.RefusedVersion
		return w, t
	}
	t, ok := s.cfg.Lookup(h.Account)
	if !ok || t.Account == nil {
		w.Refused = lane.RefusedAccount
		return w, t
	}
	w.Term, w.Owner, w.Peer = t.Term, t.Owner, t.Peer
	if !t.Owned {
		w.Refused = lane.RefusedOwner
	}
	return w, t
}

// refused counts and tells that no lane was taken. A follower may be late to know of a handover, and
// that says nothing.
func (s *Server) refused(h *lane.Hello, w *lane.Welcome) {
	s.count(func(c *Counters) { c.Refused[w.Refused]++ })
	level := slog.LevelWarn
	if w.Refused == lane.RefusedOwner || w.Refused == lane.RefusedTerm {
		level = slog.LevelInfo
	}
	s.complaints.say(level, h.Host, string(w.Refused), "cluster", shown(h.Cluster), "account", shown(h.Account),
		"registry", shown(h.Name), "term", h.Term, "our_term", w.Term, "owner", w.Owner, "version", h.Version)
}

// shown returns what a follower says, no longer than a log line should have it.
func shown(word string) string {
	if len(word) > maxHost {
		return word[:maxHost] + "..."
	}
	return word
}

// dismiss tells the follower why it has no lane. It waits for the follower's end for a moment: a close
// while octets come would take the words back.
func dismiss(nc net.Conn, conn *tls.Conn, w *lane.Welcome) {
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(lingerTimeout))
	if _, err := conn.Write(lane.AppendOpening(nil, w)); err != nil || conn.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, lane.MaxOpening)
}

// The steps of an opening at which it fails, for Counters.
const (
	failedSocket    = "socket"
	failedHandshake = "handshake"
	failedProtocol  = "protocol"
	failedHello     = "hello"
)

// Failures are the steps at which an opening can fail, as Counters have them.
var Failures = []string{failedSocket, failedHandshake, failedProtocol, failedHello}

// openingError is why an opening failed before there was a Hello.
type openingError struct {
	step string
	err  error
}

func (e *openingError) Error() string { return e.step + ": " + e.err.Error() }
func (e *openingError) Unwrap() error { return e.err }

// notOpened counts and tells why an opening failed. One who leaves by itself is not at fault: a monitor
// that only looks whether the port is open does so.
func (s *Server) notOpened(nc net.Conn, err error) {
	e := err.(*openingError)
	s.count(func(c *Counters) { c.Failed[e.step]++ })
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || s.stopping.Load() {
		return
	}
	from := nc.RemoteAddr().String()
	if host, _, cut := net.SplitHostPort(from); cut == nil {
		from = host
	}
	s.complaints.say(slog.LevelWarn, from, e.step, "err", shown(e.err.Error()))
}
