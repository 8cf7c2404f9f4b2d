package status

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cluster"
)

// wellOf is a cluster of so many hosts h1, h2 and so on, and as many accounts a1 and so on, of which h1 owns
// the first, and so on. The first host is this one.
func wellOf(hosts, accounts int) *cluster.Snapshot {
	s := &cluster.Snapshot{Cluster: "prod", Host: "h1", TTL: 15 * time.Second, MaxSkew: 5 * time.Second,
		Engine: cluster.EngineState{Name: "etcd", Up: true, Since: began.Add(-time.Hour), Requests: 1000, Took: 2 * time.Second}}
	for i := range hosts {
		host := fmt.Sprintf("h%d", i+1)
		s.Members = append(s.Members, cluster.MemberState{Host: host, Peer: host + ".example:7070", Version: "0.1.0", Self: i == 0, Alive: true, Since: began.Add(-time.Hour)})
	}
	for i := range accounts {
		m := s.Members[i%hosts]
		a := cluster.AccountState{Name: fmt.Sprintf("a%d", i+1), Role: cluster.RoleFollower, Owner: cluster.Owner{Host: m.Host, Peer: m.Peer, Term: uint64(i + 1)},
			Since: began.Add(-time.Hour), Best: m.Host, Last: cluster.ReasonShutdown, Changes: map[cluster.Reason]uint64{cluster.ReasonFirst: 1, cluster.ReasonShutdown: 2},
			Lanes: &cluster.LaneState{Idle: 2}}
		if m.Self {
			a.Role, a.Left, a.LedgerAt = cluster.RoleOwner, 9*time.Second, began.Add(-4*time.Second)
			a.Lanes = &cluster.LaneState{Served: 5}
		}
		s.Accounts = append(s.Accounts, a)
	}
	return s
}

// TestClusterOf: what a snapshot says is shown, with nothing of what others say left unclean.
func TestClusterOf(t *testing.T) {
	s := wellOf(3, 4)
	s.Engine.Failures, s.Engine.Err = 3, evil
	s.Members[1].Host, s.Members[1].Version, s.Members[1].Peer = evil, evil, evil
	s.Members[2].Alive, s.Members[2].Skew = false, -1500*time.Millisecond
	s.Accounts[1].Owner.Host, s.Accounts[1].Unfit = evil, []string{evil}
	s.Accounts[1].Lanes = &cluster.LaneState{Busy: 1, Opening: 2, Trouble: evil, TroubleFor: time.Minute, Refused: evil}
	s.Accounts[2] = cluster.AccountState{Name: "a3", Since: began.Add(-5 * time.Second), Fenced: 2, FencedAt: began.Add(-time.Minute), Owner: cluster.Owner{Host: "old", Term: 9}}
	s.Accounts[3].Left = 12 * time.Second
	c, accounts := ClusterOf(s, began)
	if c.Accounts != 4 || c.Owned != 2 || c.Unowned != 1 || c.LeftSeconds != 9 || c.TTLSeconds != 15 || c.MaxSkewSeconds != 5 {
		t.Errorf("got %+v", c)
	}
	if *c.Engine.MeanSeconds != 0.002 || c.Engine.ForSeconds != 3600 || c.Engine.Failures != 3 {
		t.Errorf("got %+v", c.Engine)
	}
	i := slices.IndexFunc(c.Members, func(m Member) bool { return m.Host == "h1" })
	if m := c.Members[i]; !m.Self || m.Owns != 2 || m.State() != "alive" || m.Clock() != "" || m.Since != began.Add(-time.Hour) {
		t.Errorf("got %+v", m)
	}
	i = slices.IndexFunc(c.Members, func(m Member) bool { return m.Host == "h3" })
	if m := c.Members[i]; m.State() != "away" || m.Clock() != "-1.5 s" || m.Owns != 0 {
		t.Errorf("got %+v", m)
	}
	own, foreign, none := accounts[0], accounts[1], accounts[2]
	if own.Role != "owner" || *own.LeftSeconds != 9 || *own.LedgerSeconds != 4 || own.Term != 1 || own.Changes != 3 || own.Why != "shutdown" || own.Lanes.Served != 5 {
		t.Errorf("got %+v", own)
	}
	if got, want := own.Words()+": "+own.More(), "this host for 60 min: term 1, by shutdown, lease 9 s, 5 lanes served"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if foreign.Role != "follower" || foreign.LeftSeconds != nil || foreign.LedgerSeconds != nil || foreign.Lanes.Open() != 1 || foreign.Lanes.TroubleSeconds != 60 {
		t.Errorf("got %+v", foreign)
	}
	if none.Owner != "" || none.Term != 0 || none.ForSeconds != 5 || none.FencedSeconds != 60 || none.TakeoverSeconds != 17 || none.EngineAwaySeconds != 0 {
		t.Errorf("got %+v", none)
	}
	if got := none.Words() + none.More(); got != "nobody for 5 s" {
		t.Errorf("got %q", got)
	}
	if text := mustJSON(t, c) + mustJSON(t, accounts); strings.ContainsAny(text, "\x1b\x07\u202e") || strings.Contains(text, `\u001b`) {
		t.Errorf("got %s", text)
	}
	s.Engine.Up = false
	if _, accounts := ClusterOf(s, began); accounts[0].EngineAwaySeconds != 3600 {
		t.Errorf("got %+v", accounts[0])
	}
	s.Engine = cluster.EngineState{Name: cluster.Static}
	c, accounts = ClusterOf(s, began)
	if accounts[0].LeftSeconds != nil || accounts[0].EngineAwaySeconds != 0 || c.LeftSeconds != 0 || c.Away() || c.Engine.MeanSeconds != nil {
		t.Errorf("static: got %+v, %+v", c, accounts[0])
	}
}

// TestJudgeCluster holds the words of each verdict on the cluster.
func TestJudgeCluster(t *testing.T) {
	const ntp = "set it by the network: chrony, systemd-timesyncd; timedatectl shows it"
	const away = "bring etcd back, or the way to it: endpoints, certificates, password; until then no account gets another owner"
	off := func(s *cluster.Snapshot) {
		s.Engine.Up, s.Engine.Err, s.Engine.Since = false, "dial tcp 192.0.2.1:2379: connect: connection refused", began.Add(-12*time.Second)
	}
	for _, tt := range []struct {
		name   string
		hosts  int
		change func(*cluster.Snapshot)
		want   Finding
	}{
		{"well", 3, func(*cluster.Snapshot) {}, Finding{OK, "well", "", "all well: 3 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts", ""}},
		{"alone", 1, func(*cluster.Snapshot) {}, Finding{OK, "well", "", "all well: 1 of 1 member alive, etcd answers in 2 ms, h1 owns 3 of 3 accounts", ""}},
		{"static", 3, func(s *cluster.Snapshot) { s.Engine = cluster.EngineState{Name: cluster.Static} },
			Finding{OK, "well", "", "all well: 3 of 3 members alive, no engine, h1 owns 1 of 3 accounts", ""}},
		{"not asked yet", 3, func(s *cluster.Snapshot) { s.Engine.Requests, s.Accounts[0].Role = 0, cluster.RoleNone },
			Finding{OK, "well", "", "all well: 3 of 3 members alive, etcd, h1 owns 0 of 3 accounts, nobody 1", ""}},
		{"a host is killed", 3, func(s *cluster.Snapshot) { s.Members[2].Alive = false },
			Finding{OK, "well", "", "all well: 2 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts", ""}},
		{"a rolling upgrade", 3, func(s *cluster.Snapshot) { s.Members[2].Version, s.Members[1].Leaving = "0.2.0", true },
			Finding{OK, "well", "", "all well: 3 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts; versions 0.1.0 (h1, h2), 0.2.0 (h3)", ""}},
		{"builds of no release", 3, func(s *cluster.Snapshot) { s.Members[2].Version = "0123abcd" },
			Finding{OK, "well", "", "all well: 3 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts; versions 0.1.0 (h1, h2), 0123abcd (h3)", ""}},
		{"engine away, owner", 3, off, Finding{Look, "engine_away", whoseEngine,
			"etcd does not answer for 12 s: 192.0.2.1:2379: connection refused; this host owns 1 account and stops in 9 s", away}},
		{"engine away, behind the fence", 3, func(s *cluster.Snapshot) { off(s); s.Accounts[0].Role = cluster.RoleNone }, Finding{Look, "engine_away", whoseEngine,
			"etcd does not answer for 12 s: 192.0.2.1:2379: connection refused; an owner stops 14 s behind its last renewal", away}},
		{"a twin", 3, func(s *cluster.Snapshot) { s.Twin = "x:7070" }, Finding{Look, "same_host", whoseConfig,
			"another process goes by the name of this host, h1, and takes lanes at x:7070", "give each process its own cluster.host"}},
		{"one address", 3, func(s *cluster.Snapshot) { s.Members[1].SameAs, s.Members[2].SameAs = "h3", "h2" }, Finding{Look, "same_peer", whoseConfig,
			"h2 and h3 both say that lanes reach them at h2.example:7070", "give each host its own cluster.peer.advertise"}},
		{"our address", 3, func(s *cluster.Snapshot) { s.Members[0].SameAs, s.Members[2].SameAs = "h3", "h1" }, Finding{Look, "same_peer", whoseConfig,
			"this host and h3 both say that lanes reach them at h1.example:7070", "give each host its own cluster.peer.advertise"}},
		{"an address of one that is gone", 3, func(s *cluster.Snapshot) { s.Members[1].SameAs, s.Members[1].Alive = "h3", false },
			Finding{OK, "well", "", "all well: 2 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts", ""}},
		{"a clock", 3, func(s *cluster.Snapshot) { s.Members[2].Odd, s.Members[2].Skew = true, 7*time.Second }, Finding{Look, "clock", whoseHost,
			"wall clock of h3 differs from the others' by more than 5 s: it owns nothing", ntp}},
		{"our clock, and more", 9, func(s *cluster.Snapshot) {
			for i := range 5 {
				s.Members[i].Odd = true
			}
		}, Finding{Look, "clock", whoseHost, "wall clock of this host, h2, h3 and 2 more differs from the others' by more than 5 s: they own nothing", ntp}},
		{"two clocks", 2, func(s *cluster.Snapshot) { s.Members[1].Skew = -7 * time.Second }, Finding{Look, "clock", whoseHost,
			"wall clocks of this host and h2 differ by 7 s; two cannot tell which is wrong", ntp}},
		{"two clocks that differ little", 2, func(s *cluster.Snapshot) { s.Members[1].Skew = -5 * time.Second },
			Finding{OK, "well", "", "all well: 2 of 2 members alive, etcd answers in 2 ms, h1 owns 2 of 3 accounts", ""}},
		{"versions apart", 3, func(s *cluster.Snapshot) { s.Members[1].Version = "v0.3.1" }, Finding{Look, "versions", whoseOperator,
			"0.1.0 (h1, h3) and v0.3.1 (h2) are more than one release apart", "upgrade release by release: each works with the one before and the one behind it alone"}},
	} {
		s := wellOf(tt.hosts, 3)
		tt.change(s)
		c, _ := ClusterOf(s, began)
		if c.Findings[0] != tt.want || c.Gravity != tt.want.Gravity {
			t.Errorf("%s: got %+v, want %+v", tt.name, c.Findings[0], tt.want)
		}
		if c.Gravity == Broken || c.Gravity == Look && c.Findings[0].Do == "" {
			t.Errorf("%s: got %+v: what the cluster suffers pages nobody by itself, and has advice", tt.name, c.Findings[0])
		}
	}
}

// TestApart: releases that surely do not work together.
func TestApart(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"0.1.0", "0.1.9", false}, {"0.1.0", "0.2.0", false}, {"0.1.0", "0.3.0", true}, {"v0.3", "0.1.0", true}, {"0.9.2", "1.0.0", false}, {"0.9.2", "1.1.0", true},
		{"0.9.2", "2.0.0", true}, {"devel", "0.9.0", false}, {"0123abcd", "devel", false}, {"1", "3", false}, {"-1.2", "5.0", false}, {"1.x", "1.9", false},
		{"1.2.3-rc1", "1.4.0", true}, {"", "", false},
	} {
		if got := apart(tt.a, tt.b); got != tt.want {
			t.Errorf("%s, %s: got %v", tt.a, tt.b, got)
		}
		if got := apart(tt.b, tt.a); got != tt.want {
			t.Errorf("%s, %s: got %v", tt.b, tt.a, got)
		}
	}
}

// TestRollingRestart: nothing that a rolling restart shows, at any host, is Broken: it pages nobody.
func TestRollingRestart(t *testing.T) {
	for name, a := range map[string]cluster.AccountState{
		"the owner hands over":       {Role: cluster.RoleYielding, Owner: cluster.Owner{Host: "h1"}, Left: 9 * time.Second, Lanes: &cluster.LaneState{Served: 2}},
		"it is released":             {Role: cluster.RoleNone, Since: began.Add(-100 * time.Millisecond), Lanes: &cluster.LaneState{}},
		"the owner was killed":       {Role: cluster.RoleNone, Since: began.Add(-16 * time.Second), Lanes: &cluster.LaneState{Trouble: "connect: refused"}},
		"the next owner was found":   {Role: cluster.RoleFollower, Owner: cluster.Owner{Host: "h2"}, Since: began, Lanes: &cluster.LaneState{Opening: 1}},
		"its listener is not up yet": {Role: cluster.RoleFollower, Owner: cluster.Owner{Host: "h2"}, Since: began.Add(-4 * time.Second), Lanes: &cluster.LaneState{Trouble: "connect: refused"}},
	} {
		s := wellOf(3, 1)
		a.Name = "a1"
		s.Accounts[0], s.Members[0].Leaving = a, true
		c, owned := ClusterOf(s, began)
		r := working()
		down("", "", 0)(&r)
		r.Cluster = &owned[0]
		if f := judge(&r, false)[0]; f.Gravity == Broken || c.Gravity != OK {
			t.Errorf("%s: got %+v, %+v", name, f, c.Findings)
		}
		if got := readiness("a1", new(Snapshot), &owned[0], false); !got.OK {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestShown: of many members those are shown of which there is something to say, this host first.
func TestShown(t *testing.T) {
	s := wellOf(100, 100)
	s.Members[49].Odd, s.Members[60].Alive, s.Members[70].Leaving, s.Members[80].SameAs = true, false, true, "h9"
	s.Accounts[20].Owner.Host = "h90" // it owns two
	c, _ := ClusterOf(s, began)
	var hosts []string
	for _, m := range c.Shown(7) {
		hosts = append(hosts, m.Host)
	}
	if want := []string{"h1", "h50", "h81", "h61", "h71", "h90", "h10"}; !slices.Equal(hosts, want) {
		t.Errorf("got %q, want %q", hosts, want)
	}
	if len(c.Members) != 100 || len(c.Shown(100)) != 100 || len(c.Shown(200)) != 100 {
		t.Errorf("got %d members", len(c.Members))
	}
}

// TestHeadlineOfCluster: the cluster is named beside the registries, and never instead of them.
func TestHeadlineOfCluster(t *testing.T) {
	for _, tt := range []struct {
		registries []Gravity
		cluster    Gravity
		want       string
	}{
		{[]Gravity{OK}, OK, "All well"},
		{[]Gravity{OK}, Look, "All well, but the cluster needs a look"},
		{[]Gravity{OK, OK}, Look, "All 2 registries are well, but the cluster needs a look"},
		{[]Gravity{Broken}, Look, "The registry is broken, and the cluster needs a look"},
		{[]Gravity{Broken, Look}, Look, "1 of 2 registries is broken, 1 needs a look, and the cluster needs a look"},
		{nil, Look, "No registry is served, and the cluster needs a look"},
	} {
		s := &Status{Cluster: &Cluster{Gravity: tt.cluster}}
		for _, g := range tt.registries {
			s.Registries = append(s.Registries, Registry{Gravity: g})
		}
		if got := s.Headline(); got != tt.want {
			t.Errorf("%v, %v: got %q, want %q", tt.registries, tt.cluster, got, tt.want)
		}
	}
	if got := (&Status{Stopping: true, Cluster: &Cluster{Gravity: Look}}).Headline(); got != "eppmux is stopping" {
		t.Errorf("got %q", got)
	}
}

// clusterStatus is how host h1 of a cluster is, at began. The registries of a1 and so on are served.
func clusterStatus(s *cluster.Snapshot) *Status {
	c, owned := ClusterOf(s, began)
	st := &Status{Version: "v1", Host: "box", Started: began.Add(-time.Hour), Now: began, Cluster: c, Gravity: c.Gravity}
	for i := range owned {
		r := working()
		r.Name, r.Address, r.Cluster = owned[i].Registry, "epp.example:700", &owned[i]
		r.Findings = judge(&r, false)
		r.Gravity = r.Findings[0].Gravity
		st.Gravity = max(st.Gravity, r.Gravity)
		st.Registries = append(st.Registries, r)
	}
	alone := working()
	alone.Name = "alone"
	alone.Findings = judge(&alone, false)
	st.Registries = append(st.Registries, alone)
	return st
}

// TestTableOfCluster: who owns what since when, in a line each.
func TestTableOfCluster(t *testing.T) {
	s := wellOf(3, 3)
	s.Accounts[2] = cluster.AccountState{Name: "a3", Since: began.Add(-40 * time.Second)}
	s.Members[2].Odd = true
	got := tableOf(t, clusterStatus(s))
	const want = `eppmux v1 on box, up 60 min, as of 2026-11-21 23:00:00 UTC
1 of 4 registries is broken, and the cluster needs a look

cluster prod: 3 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts, nobody 1
  look: wall clock of h3 differs from the others' by more than 5 s: it owns nothing
    our host: set it by the network: chrony, systemd-timesyncd; timedatectl shows it

STATE   REGISTRY  OWNER      SINCE                VERDICT
broken  a3        nobody     2026-11-21 22:59:20  nobody owns the account for 40 s: commands wait until their deadlines, and are not sent
ok      a1        h1 (here)  2026-11-21 22:00:00  all well: 3 sessions, 2 commands/s, answered in 4 ms (p50)
ok      a2        h2         2026-11-21 22:00:00  all well: h2 owns the account; 2 lanes, 2 commands/s, answered in 4 ms (p50)
ok      alone     -          -                    all well: 3 sessions, 2 commands/s, answered in 4 ms (p50)
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, line := range []string{"  owner           this host for 60 min, term 1, by shutdown, lease 9 s, 5 lanes served\n  sessions        3 of 3",
		"  owner           h2 for 60 min, term 2, by shutdown, 2 lanes\n  lanes           2 open, 0 busy, 0 opening\n", "  owner           nobody for 40 s\n"} {
		if !strings.Contains(got, line) {
			t.Errorf("got no %q in\n%s", line, got)
		}
	}
	if got := tableOf(t, &Status{Cluster: &Cluster{}, Registries: []Registry{{Cluster: &Ownership{}}}}); !strings.Contains(got, "OWNER") {
		t.Errorf("a foreign status: got %s", got)
	}
}

// TestJSONOfCluster: its keys are a surface, as those of the rest, and all can be read back.
func TestJSONOfCluster(t *testing.T) {
	got := keys(reflect.TypeFor[Status](), "")
	for _, want := range strings.Fields("cluster cluster.name cluster.host cluster.ttl_seconds cluster.engine.name cluster.engine.up cluster.engine.for_seconds " +
		"cluster.engine.error cluster.engine.requests cluster.engine.failures cluster.engine.mean_seconds cluster.members.host cluster.members.peer " +
		"cluster.members.version cluster.members.self cluster.members.alive cluster.members.leaving cluster.members.since cluster.members.skew_seconds " +
		"cluster.members.odd_clock cluster.members.same_as cluster.members.owns cluster.max_skew_seconds cluster.twin cluster.accounts cluster.owned " +
		"cluster.unowned cluster.lease_left_seconds cluster.gravity cluster.findings.rule cluster.findings.text registries.cluster.registry " +
		"registries.cluster.role registries.cluster.owner registries.cluster.peer registries.cluster.term registries.cluster.since " +
		"registries.cluster.for_seconds registries.cluster.why registries.cluster.lease_left_seconds registries.cluster.best registries.cluster.unfit " +
		"registries.cluster.changes registries.cluster.fenced registries.cluster.fenced_seconds_ago registries.cluster.ledger_seconds_ago " +
		"registries.cluster.lanes.idle registries.cluster.lanes.busy registries.cluster.lanes.opening registries.cluster.lanes.served " +
		"registries.cluster.lanes.trouble registries.cluster.lanes.trouble_seconds registries.cluster.lanes.refused " +
		"registries.cluster.takeover_seconds registries.cluster.engine_away_seconds") {
		if !slices.Contains(got, want) {
			t.Errorf("got no key %s", want)
		}
	}
	s := wellOf(3, 3)
	s.Accounts[0].FencedAt, s.Twin = began.Add(-time.Second), "x"
	st := clusterStatus(s)
	var back Status
	if err := json.Unmarshal([]byte(mustJSON(t, st)), &back); err != nil || !reflect.DeepEqual(&back, st) {
		t.Errorf("got %+v, %v, want %+v", back, err, st)
	}
	if text := mustJSON(t, new(Status)); strings.Contains(text, "cluster") {
		t.Errorf("without a cluster: got %s", text)
	}
	if text := mustJSON(t, Registry{}); strings.Contains(text, `"cluster"`) {
		t.Errorf("not shared: got %s", text)
	}
}
