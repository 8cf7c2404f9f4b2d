package serve

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/config"
)

// TestContested: an account goes from one registry of the config to another only after all its
// sessions are gone.
func TestContested(t *testing.T) {
	at := func(name, client string) config.Registry {
		return config.Registry{Name: name, Address: "epp.example:700", Login: config.Login{ClientID: client}}
	}
	for _, tt := range []struct {
		name     string
		old, new []config.Registry
		want     bool // for the first
	}{
		{"nothing changes", []config.Registry{at("a", "X"), at("b", "Y")}, []config.Registry{at("a", "X"), at("b", "Y")}, false},
		{"to a new account", []config.Registry{at("a", "X"), at("b", "Y")}, []config.Registry{at("a", "Z"), at("b", "Y")}, false},
		{"leaves it to another", []config.Registry{at("a", "X"), at("b", "Y")}, []config.Registry{at("a", "Z"), at("b", "X")}, true},
		{"leaves it to a new one", []config.Registry{at("a", "X")}, []config.Registry{at("a", "Z"), at("b", "X")}, true},
		{"takes one over", []config.Registry{at("a", "X"), at("b", "Y")}, []config.Registry{at("a", "Y"), at("b", "Z")}, true},
		{"they swap", []config.Registry{at("a", "X"), at("b", "Y")}, []config.Registry{at("a", "Y"), at("b", "X")}, true},
	} {
		s := &service{}
		for _, r := range tt.old {
			s.members = append(s.members, &member{cfg: r})
		}
		if got := s.contested(&config.Config{Registries: tt.new}, s.members[0], &tt.new[0]); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestOccupied: a socket of the service manager is adopted by one registry at a time.
func TestOccupied(t *testing.T) {
	listen := func(address string) []config.Listen { return []config.Listen{{Network: "tcp", Address: address}} }
	s := &service{sockets: &inherited{sockets: []*inheritedSocket{{file: os.Stdin, tcp: netip.MustParseAddrPort("127.0.0.1:7000")}}}}
	a := &member{cfg: config.Registry{Name: "a", Listen: listen("127.0.0.1:7000")}}
	s.members = []*member{a}
	to := &config.Registry{Name: "b", Listen: listen("127.0.0.1:7000")}
	if err := s.occupied(nil, to); err == nil || !strings.Contains(err.Error(), "still used by a") {
		t.Errorf("got %v, want it refused", err)
	}
	if err := s.occupied(a, &a.cfg); err != nil {
		t.Errorf("its own: got %v", err)
	}
	to.Listen = listen("127.0.0.1:7001") // the system refuses a second listener there by itself
	if err := s.occupied(nil, to); err != nil {
		t.Errorf("another address: got %v", err)
	}
}

// TestDrainedIsNotReady: what an operator has taken out is not silently well.
func TestDrainedIsNotReady(t *testing.T) {
	l := newLive("devel")
	l.set(nil, []string{"a"})
	m := l.monitor(nil)
	defer m.Stop()
	if got := m.Ready(); len(got) != 1 || got[0].OK || got[0].Registry != "a" || !strings.Contains(got[0].Reason, "drained") {
		t.Errorf("got %+v", got)
	}
}
