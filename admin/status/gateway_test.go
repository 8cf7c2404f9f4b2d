package status

import (
	"strings"
	"testing"
	"time"
)

// serving is a gateway of which there is nothing to say.
func serving() *GatewaySnapshot {
	return &GatewaySnapshot{Listeners: []string{"tcp://127.0.0.1:7080"}, UnderWay: 2, Connections: 3,
		Keys: &KeysSnapshot{File: "/var/lib/eppmux/gateway.keys", Known: 7, Unknown: 1}}
}

func TestGatewayVerdicts(t *testing.T) {
	now := began.Add(time.Hour)
	for name, tt := range map[string]struct {
		change func(*GatewaySnapshot)
		before []gatewayRow
		g      Gravity
		want   string // how the first finding begins
		do     string // what its advice has
	}{
		"well": {func(*GatewaySnapshot) {}, nil, OK,
			"all well: listens on tcp://127.0.0.1:7080; 2 requests under way over 3 connections; 7 keys, 1 of unknown outcome", ""},
		"no keys": {func(g *GatewaySnapshot) { g.Keys = nil }, nil, OK,
			"all well: listens on tcp://127.0.0.1:7080; 2 requests under way over 3 connections; keys are refused", ""},
		"disk full": {func(g *GatewaySnapshot) {
			g.Keys.Trouble, g.Keys.TroubleAt = "no space left on device", now.Add(-time.Second)
		}, nil, Broken,
			"keys cannot be written down: no space left on device; changes with a key are refused, all else is sent", "it goes on by itself"},
		"disk was full": {func(g *GatewaySnapshot) {
			g.Keys.Trouble, g.Keys.TroubleAt = "no space left on device", now.Add(-20*time.Minute)
		}, nil, Look,
			"a key could not be written down 20 min ago, and none has come since: no space left on device", "gateway.keys"},
		"ended": {func(g *GatewaySnapshot) {
			g.Keys.Trouble, g.Keys.TroubleAt, g.Keys.Ended = "input/output error", now.Add(-time.Hour), true
		}, nil, Broken, "keys cannot be written down: input/output error", "then restart eppmux"},
		"full":     {func(g *GatewaySnapshot) { g.Keys.FullAt = now.Add(-time.Minute) }, nil, Broken, "there is no room for new keys: 7 are remembered", "keep"},
		"was full": {func(g *GatewaySnapshot) { g.Keys.FullAt = now.Add(-time.Hour) }, nil, OK, "all well", ""},
		"guesses":  {func(g *GatewaySnapshot) { g.AuthFailures = 100 }, []gatewayRow{{now, 40, 0}}, Look, "60 HTTP requests with missing or wrong credentials", "guesses"},
		"slips":    {func(g *GatewaySnapshot) { g.AuthFailures = 100 }, []gatewayRow{{now, 41, 0}}, OK, "all well", ""},
		"begun anew": {func(g *GatewaySnapshot) { g.AuthFailures = 61 }, []gatewayRow{{now, 1000, 0}}, Look,
			"61 HTTP requests", ""},
		"not taken": {func(g *GatewaySnapshot) { g.AcceptErrors = 3 }, []gatewayRow{{now, 0, 1}}, Look, "HTTP clients could not be taken in, 2 times", "ulimit"},
	} {
		s := serving()
		tt.change(s)
		g := gatewayOf(s, tt.before, now)
		f := g.Findings[0]
		if f.Gravity != tt.g || g.Gravity != tt.g || !strings.HasPrefix(f.Text, tt.want) || !strings.Contains(f.Do, tt.do) {
			t.Errorf("%s: got %+v, want %v %q, %q", name, f, tt.g, tt.want, tt.do)
		}
	}
	if gatewayOf(nil, nil, now) != nil {
		t.Error("got a gateway where there is none")
	}
}

// TestGatewayRows: counts are kept for ten minutes, and forgotten with the gateway.
func TestGatewayRows(t *testing.T) {
	var rows []gatewayRow
	for i := range 3 * historySlots {
		rows = noteGateway(rows, &GatewaySnapshot{AuthFailures: uint64(i)}, began.Add(time.Duration(i)*historyEvery))
	}
	if n := len(rows); n != historySlots+1 || rows[n-1].authFailures-rows[0].authFailures != historySlots {
		t.Errorf("got %d rows, from %+v", n, rows[0])
	}
	if rows = noteGateway(rows, nil, began); rows != nil {
		t.Errorf("got %v", rows)
	}
}

// TestGatewayInStatus: a monitor shows the gateway, its gravity is the status's, and headline and table say so;
// what comes from elsewhere is clean.
func TestGatewayInStatus(t *testing.T) {
	g := serving()
	g.Keys.Trouble, g.Keys.TroubleAt = evil, time.Now()
	m := NewMonitor(MonitorConfig{Subjects: func() []Subject { return nil }, Gateway: func() *GatewaySnapshot { return g }})
	defer m.Stop()
	s := m.Status()
	if s.Gateway == nil || s.Gravity != Broken || s.Gateway.Keys.Known != 7 {
		t.Fatalf("got %+v", s)
	}
	if got := s.Headline(); got != "No registry is served, and the gateway is broken" {
		t.Errorf("got %q", got)
	}
	s.Registries = []Registry{{Name: "a"}}
	if got := s.Headline(); got != "All well, but the gateway is broken" {
		t.Errorf("got %q", got)
	}
	s.Cluster = &Cluster{Gravity: Look}
	if got := s.Headline(); got != "All well, but the cluster needs a look, and the gateway is broken" {
		t.Errorf("got %q", got)
	}
	s.Cluster = nil
	var b strings.Builder
	if err := WriteTable(&b, s); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\ngateway: listens on tcp://127.0.0.1:7080; 2 requests", "\n  broken: keys cannot be written down", "\n    our host: make room for /var/lib/eppmux/gateway.keys"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got no %q in\n%s", want, b.String())
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e\x07") {
		t.Errorf("got %q", b.String())
	}
}
