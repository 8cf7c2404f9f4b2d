package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"time"
)

// villainSession is one connection of eppmux to a villain. After an error its methods do nothing.
type villainSession struct {
	host *villainHost
	n    int // which of the villain's it is, from 0
	with *tls.Config
	nc   net.Conn
	tc   *tls.Conn
	out  io.Writer
	err  error
}

func (s *villainSession) handshake() {
	s.tc = tls.Server(s.nc, s.with)
	s.out = s.tc
	s.err = s.tc.Handshake()
}

// begin does all that comes before commands, as it should be.
func (s *villainSession) begin() {
	s.handshake()
	s.write(unit(greetingPayload("v")))
	s.login()
}

func (s *villainSession) login() { s.write(unit(answerPayload(s.read(), ""))) }

func (s *villainSession) serve() {
	s.answer(func(id string) []byte { return unit(answerPayload(id, "")) })
}

// answer answers commands until the end of the connection.
func (s *villainSession) answer(with func(id string) []byte) {
	for s.err == nil {
		id := s.read()
		if s.err == nil {
			s.write(with(id))
		}
	}
}

func (s *villainSession) write(b []byte) {
	if s.err == nil {
		_, s.err = s.out.Write(b)
	}
}

// dribble writes octets one by one.
func (s *villainSession) dribble(b []byte, pause time.Duration) {
	for i := range b {
		s.write(b[i : i+1])
		if s.err != nil {
			return
		}
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// floodChunk is what a villain that writes without end writes at a time, in octets, as fast as it
// can, with floodPause behind it: far more than eppmux may take, and too little to keep the machine
// busy.
const (
	floodChunk = 4 << 20
	floodPause = 50 * time.Millisecond
)

// flood writes for ever.
func (s *villainSession) flood(b []byte) {
	for b = bytes.Repeat(b, 1+floodChunk/len(b)); s.err == nil; time.Sleep(floodPause) {
		s.write(b)
	}
}

var clTRIDForm = regexp.MustCompile(`<clTRID>([^<]*)</clTRID>`)

// read reads a command and gives its clTRID.
func (s *villainSession) read() string {
	if s.err != nil {
		return ""
	}
	var head [4]byte
	if _, s.err = io.ReadFull(s.tc, head[:]); s.err != nil {
		return ""
	}
	b := make([]byte, max(4, binary.BigEndian.Uint32(head[:]))-4)
	_, s.err = io.ReadFull(s.tc, b)
	if m := clTRIDForm.FindSubmatch(b); m != nil {
		return string(m[1])
	}
	return "NONE"
}

// wait reads until the other side has had enough.
func (s *villainSession) wait() { _, _ = io.Copy(io.Discard, s.nc) }

func (s *villainSession) reset() {
	_ = s.nc.(*net.TCPConn).SetLinger(0)
	s.nc.Close()
}

// keyUpdates asks for nothing but them, after the login.
func (s *villainSession) keyUpdates() {
	var keys bytes.Buffer
	s.with = s.with.Clone()
	s.with.KeyLogWriter, s.with.SessionTicketsDisabled = &keys, true
	if s.handshake(); s.err != nil {
		return
	}
	w, err := writerFor(s.nc, &keys, "SERVER_TRAFFIC_SECRET_0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "key updates:", err) // they will be missed in the metrics
		return
	}
	app := func(b []byte) { s.write(w.appendRecord(nil, 23, b)) }
	s.out = s.nc
	app(unit(greetingPayload("k")))
	app(unit(answerPayload(s.read(), "")))
	for ; s.err == nil; time.Sleep(floodPause) {
		var b []byte
		for range 500 {
			if b, err = w.appendKeyUpdate(b); err != nil {
				return
			}
		}
		s.write(b)
	}
}
