package serve

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/cluster"
)

// fakeCluster is host a of three: it owns "mine", b owns "theirs", nobody owns "orphan"; c is leaving and d
// away.
type fakeCluster struct {
	engine cluster.EngineState
	given  []string // registry and host, of each handover
	err    error    // of the next handover
}

func (f *fakeCluster) snapshot() cluster.Snapshot {
	return cluster.Snapshot{Cluster: "prod", Host: "a", TTL: 15 * time.Second, Engine: f.engine,
		Members: []cluster.MemberState{{Host: "a", Self: true, Alive: true}, {Host: "b", Alive: true}, {Host: "c", Alive: true, Leaving: true}, {Host: "d"}},
		Accounts: []cluster.AccountState{
			{Name: "mine", Role: cluster.RoleOwner, Owner: cluster.Owner{Host: "a", Term: 3}, Left: 9 * time.Second, Lanes: &cluster.LaneState{Served: 4}},
			{Name: "theirs", Role: cluster.RoleFollower, Owner: cluster.Owner{Host: "b", Term: 4}, Lanes: &cluster.LaneState{Busy: 2}},
			{Name: "orphan"},
		}}
}

func (f *fakeCluster) handover(_ context.Context, registry, host string) error {
	f.given = append(f.given, registry+" "+host)
	return f.err
}

// asks runs a verb as a request would.
func asks(f clusterControl, verb string, req Request) (Answer, error) {
	s := newService("", "v", nil, slog.New(slog.DiscardHandler))
	if f != nil {
		s.live.cluster = f
	}
	return controlVerbs[verb](s, context.Background(), req)
}

// TestClusterVerb: members, owners and lanes, of all shared accounts or of one.
func TestClusterVerb(t *testing.T) {
	f := &fakeCluster{engine: cluster.EngineState{Name: "etcd", Up: true}}
	a, err := asks(f, "cluster", Request{})
	if err != nil || a.Cluster == nil || len(a.Cluster.Members) != 4 || a.Cluster.Owned != 1 || a.Cluster.Unowned != 1 {
		t.Fatalf("got %+v, %v", a.Cluster, err)
	}
	var owners []string
	for _, o := range a.Owners {
		owners = append(owners, o.Registry+" "+o.Words())
	}
	if want := []string{"mine this host", "theirs b", "orphan nobody"}; !slices.Equal(owners, want) {
		t.Errorf("got %q, want %q", owners, want)
	}
	a, err = asks(f, "cluster", Request{Registry: "theirs"})
	if err != nil || len(a.Owners) != 1 || a.Owners[0].Lanes.Busy != 2 {
		t.Errorf("got %+v, %v", a.Owners, err)
	}
	if _, err = asks(f, "cluster", Request{Registry: "x"}); err == nil || err.Error() != `no registry "x" is shared in the cluster; there are mine, theirs, orphan` {
		t.Errorf("got %v", err)
	}
	b, err := json.Marshal(a)
	if err != nil || !strings.Contains(string(b), `"owners":[{"registry":"theirs","role":"follower","owner":"b"`) {
		t.Errorf("got %s, %v", b, err)
	}
}

// TestHandoverVerb: what cannot be is said before the lease is touched, and what the cluster says is passed
// on.
func TestHandoverVerb(t *testing.T) {
	etcd := cluster.EngineState{Name: "etcd", Up: true}
	for _, tt := range []struct {
		name   string
		req    Request
		engine cluster.EngineState
		err    error
		given  string // empty: nothing is asked
		want   string // the answer, or the error
	}{
		{"to the next", Request{Registry: "mine"}, etcd, nil, "mine ", `mine: handed over to the next owner; "eppmux ctl cluster" shows who owns it`},
		{"to one", Request{Registry: "mine", To: "b"}, etcd, nil, "mine b", `mine: handed over to b; "eppmux ctl cluster" shows who owns it`},
		{"not possible", Request{Registry: "mine"}, etcd, errors.New("not now"), "mine ", "mine: not now"},
		{"another's, as the cluster says", Request{Registry: "theirs", To: "a"}, etcd, errors.New("b owns it"), "theirs a", "theirs: b owns it"},
		{"which", Request{}, etcd, nil, "", "which registry? there are mine, theirs, orphan"},
		{"unknown", Request{Registry: "x"}, etcd, nil, "", `no registry "x" is shared in the cluster; there are mine, theirs, orphan`},
		{"all", Request{All: true}, etcd, nil, "", "handover is about one registry"},
		{"to itself", Request{Registry: "mine", To: "a"}, etcd, nil, "", "a owns mine already"},
		{"to a stranger", Request{Registry: "mine", To: "z"}, etcd, nil, "", `no member "z" is alive that could own it; there are b`},
		{"to one that leaves", Request{Registry: "mine", To: "c"}, etcd, nil, "", `no member "c" is alive that could own it; there are b`},
		{"to one that is away", Request{Registry: "mine", To: "d"}, etcd, nil, "", `no member "d" is alive that could own it; there are b`},
		{"without an engine", Request{Registry: "mine", To: "b"}, cluster.EngineState{Name: cluster.Static}, nil, "",
			"without an engine the owner is the one that the config names: cluster.static.owner"},
	} {
		f := &fakeCluster{engine: tt.engine, err: tt.err}
		a, err := asks(f, "handover", tt.req)
		got := strings.Join(a.Done, "\n")
		if err != nil {
			got += err.Error()
		}
		if got != tt.want || strings.Join(f.given, "\n") != tt.given {
			t.Errorf("%s: got %q and asked %q, want %q and %q", tt.name, got, f.given, tt.want, tt.given)
		}
	}
}

// TestHandoverAlone: with nobody else there, nothing is given away.
func TestHandoverAlone(t *testing.T) {
	s := (&fakeCluster{}).snapshot()
	s.Members = s.Members[:1]
	if err := takes(&s, &s.Accounts[0], ""); err == nil || err.Error() != "no other member is alive that could own it" {
		t.Errorf("got %v", err)
	}
	s.Accounts = s.Accounts[:1]
	if a, err := shared(&s, ""); err != nil || a.Name != "mine" {
		t.Errorf("the only one: got %+v, %v", a, err)
	}
	if _, err := shared(new(cluster.Snapshot), "x"); err == nil || err.Error() != "no registry is shared in the cluster" {
		t.Errorf("none: got %v", err)
	}
}

// TestYieldBehindTheEnd: the last host of a cluster releases its accounts when their loops have ended, so
// that whoever starts next need not wait for a ttl.
func TestYieldBehindTheEnd(t *testing.T) {
	var tn tenant
	tn.end()
	called := 0
	tn.Yield(time.Second, func() { called++ })
	if called != 1 {
		t.Errorf("told %d times that nothing is left", called)
	}
}

// TestNoCluster: verbs say so, and pages and metrics have nothing of it.
func TestNoCluster(t *testing.T) {
	r := startRunning(t, "", "a")
	for _, verb := range []string{"cluster", "handover"} {
		r.verb(verb, Request{Registry: "a"}, "no cluster is configured: this host owns its accounts alone")
	}
	r.end()
	l := newLive("v")
	if s := l.inCluster(); s != nil {
		t.Errorf("got %+v", s)
	}
	for _, f := range gather(t, l) {
		if strings.HasPrefix(f, "eppmux_cluster") {
			t.Errorf("got %s", f)
		}
	}
}

// TestClusterIsSeen: once the program takes part in a cluster, its metrics are among the others.
func TestClusterIsSeen(t *testing.T) {
	s := newService("", "v", nil, slog.New(slog.DiscardHandler))
	s.live.cluster = (&fakeCluster{engine: cluster.EngineState{Name: "etcd", Up: true}})
	if got := gather(t, s.live); !slices.Contains(got, "eppmux_cluster_owner") || !slices.Contains(got, "eppmux_cluster_engine_up") {
		t.Errorf("got %q", got)
	}
	m := s.live.monitor(s.recent)
	defer m.Stop()
	if st := m.Status(); st.Cluster == nil || st.Cluster.Name != "prod" {
		t.Errorf("got %+v", st)
	}
}

// TestHandoverIsLogged: with the user who gave it, the registry and the host.
func TestHandoverIsLogged(t *testing.T) {
	r := startRunning(t, "", "a")
	r.verb("handover", Request{Registry: "a", To: "b"}, "no cluster")
	if log := r.end(); !strings.Contains(log, "verb=handover") || !strings.Contains(log, "to=b") {
		t.Errorf("got %s", log)
	}
}

// gather are the names of the families of l's metrics that have values.
func gather(t *testing.T, l *live) (names []string) {
	t.Helper()
	families, err := l.newRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		names = append(names, f.GetName())
	}
	return names
}
