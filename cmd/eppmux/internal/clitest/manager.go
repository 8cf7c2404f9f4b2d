package clitest

import (
	"net"
	"regexp"
	"testing"
	"time"
)

// manager is who starts a service and is told about it.
type manager struct {
	t    *testing.T
	Conn *net.UnixConn
}

// NewManager listens on a socket of that name, as NOTIFY_SOCKET has it.
func NewManager(t *testing.T, name string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(3 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &manager{t, conn}
}

// next is the next message that is not of the watchdog.
func (m *manager) next() string {
	m.t.Helper()
	for {
		if text := m.Any(); text != "WATCHDOG=1" {
			return text
		}
	}
}

// Any is the next message.
func (m *manager) Any() string {
	m.t.Helper()
	b := make([]byte, 4096)
	n, err := m.Conn.Read(b)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b[:n])
}

// Want reads the next message that is not of the watchdog, and wants it as the pattern has it.
func (m *manager) Want(pattern string) {
	m.t.Helper()
	if got := m.next(); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
		m.t.Errorf("got %q, want %q", got, pattern)
	}
}
