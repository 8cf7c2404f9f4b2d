package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"eppmux/admin/status"
	"eppmux/cluster"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/serve"
)

// answerOf is what the verb cluster answers about a snapshot, an hour behind noon.
func answerOf(s *cluster.Snapshot) serve.Answer {
	var a serve.Answer
	a.Cluster, a.Owners = status.ClusterOf(s, noon.Add(time.Hour))
	return a
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// three is a cluster of which host a owns an account and gives another up; b owns one, and nobody the last.
func three() *cluster.Snapshot {
	at := func(host string) cluster.Owner {
		return cluster.Owner{Host: host, Peer: host + ".example:7070", Term: 7}
	}
	return &cluster.Snapshot{Cluster: "prod", Host: "a", TTL: 15 * time.Second, MaxSkew: 5 * time.Second,
		Engine: cluster.EngineState{Name: "etcd", Up: true, Since: noon, Requests: 10, Took: 20 * time.Millisecond},
		Members: []cluster.MemberState{
			{Host: "a", Peer: "a.example:7070", Version: "0.1.0", Self: true, Alive: true, Since: noon},
			{Host: "b", Peer: "b.example:7070", Version: "0.1.0", Alive: true, Since: noon, Skew: 20 * time.Millisecond, Leaving: true},
			{Host: "c", Peer: "c.example:7070", Version: "0.1.0", Skew: -7 * time.Second},
			{Host: "d", Peer: "c.example:7070", Version: "0.1.0", Alive: true, Odd: true, SameAs: "c", Since: noon, Skew: -7 * time.Second},
		},
		Accounts: []cluster.AccountState{
			{Name: "mine", Role: cluster.RoleOwner, Owner: at("a"), Since: noon, Last: cluster.ReasonLoss, Left: 9 * time.Second, LedgerAt: noon.Add(time.Hour - 4*time.Second),
				Lanes: &cluster.LaneState{Served: 5}, Unfit: []string{"c", "d"}},
			{Name: "given-up", Role: cluster.RoleYielding, Owner: at("a"), Left: time.Second},
			{Name: "theirs", Role: cluster.RoleFollower, Owner: at("b"), Since: noon, Lanes: &cluster.LaneState{Idle: 1, Busy: 2}},
			{Name: "cut-off", Role: cluster.RoleFollower, Owner: at("b"), Since: noon, Lanes: &cluster.LaneState{Trouble: "connect: refused"}},
			{Name: "orphan", Since: noon, Lanes: &cluster.LaneState{}},
		}}
}

// TestCtlCluster holds what is printed, octet for octet.
func TestCtlCluster(t *testing.T) {
	const want = `prod: 3 of 4 members alive, etcd answers in 2 ms, a owns 2 of 5 accounts, nobody 1
look: d and c both say that lanes reach them at c.example:7070; give each host its own cluster.peer.advertise
look: wall clock of d differs from the others' by more than 5 s: it owns nothing; set it by the network: chrony, systemd-timesyncd; timedatectl shows it

MEMBER    OWNS  STATE                                  LANES TO        VERSION  CLOCK   SINCE
a (here)  2     alive                                  a.example:7070  0.1.0    -       2026-11-30 12:00:00
b         2     leaving                                b.example:7070  0.1.0    +20 ms  2026-11-30 12:00:00
c         0     away                                   c.example:7070  0.1.0    -7 s    -
d         0     alive, clock off, address of c too     c.example:7070  0.1.0    -7 s    2026-11-30 12:00:00

REGISTRY  OWNER                   TERM  SINCE                WHY   LEASE  LEDGER  LANES                   UNFIT
mine      a (here)                7     2026-11-30 12:00:00  loss  9s     4s      5 served                c, d
given-up  a (here, gives it up)   7     -                    -     1s     -       -                       -
theirs    b                       7     2026-11-30 12:00:00  -     -      -       3, 2 busy               -
cut-off   b                       7     2026-11-30 12:00:00  -     -      -       none: connect: refused  -
orphan    -                       -     2026-11-30 12:00:00  -     -      -       -                       -
`
	answer, err := json.Marshal(answerOf(three()))
	if err != nil {
		t.Fatal(err)
	}
	socket := controlSocket(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) })
	got := eppmux(t, "ctl", "--socket", socket, "cluster")
	if squeezed(got.out) != squeezed(want) || got.code != cli.ExitDone || got.errs != "" {
		t.Errorf("got %d %s\n%s\nwant\n%s", got.code, got.errs, got.out, want)
	}
	got = eppmux(t, "ctl", "--socket", socket, "cluster", "--json")
	var back serve.Answer
	if err := json.Unmarshal([]byte(got.out), &back); err != nil || len(back.Owners) != 5 || back.Owners[0].Owner != "a" || len(back.Cluster.Members) != 4 {
		t.Errorf("got %v, %s", err, got.out)
	}
	for _, key := range []string{`"ledger_seconds_ago": 4`, `"lease_left_seconds": 9`, `"term": 7`, `"served": 5`, `"skew_seconds": 0.02`} {
		if !strings.Contains(got.out, key) {
			t.Errorf("got no %s in %s", key, got.out)
		}
	}
}

// squeezed is a text with one space for several.
func squeezed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

// TestCtlClusterOfMany: a hundred members and as many accounts are a line each, and no finding is repeated.
func TestCtlClusterOfMany(t *testing.T) {
	s := three()
	for range 96 {
		s.Members = append(s.Members, cluster.MemberState{Host: "m", Alive: true, Odd: true})
		s.Accounts = append(s.Accounts, s.Accounts[2])
	}
	var b strings.Builder
	new(ctl).show(&b, answerOf(s))
	if got := strings.Count(b.String(), "\n"); got != 3+2+100+2+101 {
		t.Errorf("got %d lines in\n%s", got, b.String())
	}
	if !strings.Contains(b.String(), "wall clock of d, m, m and 94 more differs") {
		t.Errorf("got\n%s", b.String())
	}
}

// TestCtlWithoutCluster: a running program that takes part in none says so.
func TestCtlWithoutCluster(t *testing.T) {
	c := startControlled(t)
	c.ctl(t, cli.ExitFailed, []string{"eppmux ctl cluster: no cluster is configured: this host owns its accounts alone"}, "cluster")
	c.ctl(t, cli.ExitFailed, []string{"eppmux ctl handover: no cluster is configured"}, "handover", "a", "--to", "b")
	c.ctl(t, cli.ExitUsage, []string{"handover needs a registry"}, "handover")
	c.end()
}
