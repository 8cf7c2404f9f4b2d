package clitest

import (
	"net"
	"regexp"
	"testing"
	"time"
)

// manager plays the service manager, which starts a service and is told about it.
type manager struct {
	t    *testing.T
	Conn *net.UnixConn
}

// NewManager listens on a socket of that name, written as in NOTIFY_SOCKET, until the test ends.
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

// next returns the next message that is not WATCHDOG=1.
func (m *manager) next() string {
	m.t.Helper()
	for {
		if text := m.Any(); text != "WATCHDOG=1" {
			return text
		}
	}
}

// Any returns the next message.
func (m *manager) Any() string {
	m.t.Helper()
	b := make([]byte, 4096)
	n, err := m.Conn.Read(b)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b[:n])
}

// Want reads the next message that is not WATCHDOG=1. All of it must match the pattern.
func (m *manager) Want(pattern string) {
	m.t.Helper()
	if got := m.next(); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
		m.t.Errorf("got %q, want %q", got, pattern)
	}
}
