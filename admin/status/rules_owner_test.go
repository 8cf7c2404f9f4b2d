package status

import (
	"slices"
	"testing"
	"time"

	"eppmux/cluster"
	"eppmux/upstream/lane"
	"eppmux/upstream/pool"
)

// followed is an account that b has owned for an hour, with two lanes to it.
func followed() *Ownership {
	return &Ownership{Registry: "a", Role: "follower", Owner: "b", Peer: "b.example:7070", Term: 7, ForSeconds: 3600,
		TakeoverSeconds: 17, Unfit: []string{}, Lanes: &Lanes{Idle: 1, Busy: 1}}
}

// ownedHere is one that this host owns.
func ownedHere() *Ownership {
	o := followed()
	o.Role, o.Owner, o.LeftSeconds, o.Lanes = "owner", "a", some(9), &Lanes{Served: 3}
	return o
}

// orphan is one that nobody has owned for so long.
func orphan(seconds float64) *Ownership {
	return &Ownership{Registry: "a", Role: "none", ForSeconds: seconds, TakeoverSeconds: 17}
}

// following is a registry whose account b owns, with a change of that. It has no session.
func following(change func(*Ownership)) func(*Registry) {
	return func(r *Registry) {
		down("connect", "connect: refused", 8)(r)
		r.Cluster = followed()
		change(r.Cluster)
	}
}

// laneless has no lane, for a reason.
func laneless(refused lane.Refusal, trouble string) func(*Registry) {
	return following(func(o *Ownership) {
		*o.Lanes = Lanes{Trouble: trouble, TroubleSeconds: 12, Refused: string(refused)}
	})
}

// in makes a change of a registry's ownership.
func in(o *Ownership) func(*Registry) { return func(r *Registry) { r.Cluster = o } }

// ownerEdges are the edges of the rules about owners, and of those that are for owners alone.
var ownerEdges = []edge{
	{"no_owner", true, "long", in(orphan(18))},
	{"no_owner", true, "a takeover is due", in(orphan(17))},
	{"no_owner", false, "no answer", func(r *Registry) { r.Cluster, r.Answers = orphan(18), false }},
	{"no_owner", false, "not shared", func(r *Registry) {}},
	{"no_owner", false, "an owner", in(followed())},
	{"connecting", false, "nobody owns it", func(r *Registry) { down("", "", 0)(r); r.Cluster = orphan(18) }},
	{"connecting", false, "it is being given up", func(r *Registry) { down("", "", 0)(r); r.Cluster = ownedHere(); r.Cluster.Role = "yielding" }},
	{"connecting", true, "this host owns it", func(r *Registry) { down("", "", 0)(r); r.Cluster = ownedHere() }},

	{"no_lane", true, "none", laneless("", "connect: refused")},
	{"no_lane", true, "the owner is new", following(func(o *Ownership) { *o.Lanes, o.ForSeconds = Lanes{}, 5 })},
	{"no_lane", false, "one", following(func(o *Ownership) { *o.Lanes = Lanes{Busy: 1} })},
	{"no_lane", false, "this host owns it", in(ownedHere())},
	{"no_lane", false, "not known", following(func(o *Ownership) { o.Lanes = nil })},
	{"no_lane", false, "no answer", func(r *Registry) { laneless("", "x")(r); r.Answers = false }},
	{"not_reachable", false, "another host speaks with the registry", following(func(*Ownership) {})},
	{"fewer_lanes", true, "one fails, two go on", following(func(o *Ownership) { o.Lanes.Trouble = "x" })},
	{"fewer_lanes", false, "none fails", following(func(*Ownership) {})},
	{"fewer_lanes", false, "none goes on", laneless("", "x")},

	{"unfit", true, "one", following(func(o *Ownership) { o.Unfit = []string{"c"} })},
	{"unfit", false, "none", in(followed())},
	{"fenced", true, "just now", following(func(o *Ownership) { o.Fenced, o.FencedSeconds = 1, 0.001 })},
	{"fenced", true, "nearly too long ago", following(func(o *Ownership) { o.Fenced, o.FencedSeconds = 1, 600 })},
	{"fenced", false, "too long ago", following(func(o *Ownership) { o.Fenced, o.FencedSeconds = 1, 601 })},
	{"fenced", false, "never", in(followed())},

	// What is said of sessions is for the owner.
	{"limit_spent", false, "another host logs in", func(r *Registry) { down("", "", 0)(r); r.Spent, r.Cluster = &Spent{"x", 9}, followed() }},
	{"fewer_sessions", false, "another host has them", func(r *Registry) { r.Sessions.Allowed, r.Cluster = 1, followed() }},
	{"fewer_sessions", true, "this host has them", func(r *Registry) { r.Sessions.Allowed, r.Cluster = 1, ownedHere() }},
	{"sessions_end", false, "those were lanes", func(r *Registry) { r.Recent.LostSessions, r.Cluster = 9, followed() }},
	{"idle_limit", false, "another host has them", func(r *Registry) { r.IdleLimitSeconds, r.Cluster = 20, followed() }},
	{"sessions", false, "lanes grow by themselves", func(r *Registry) { busySessions(3, 0, 1)(r); r.Cluster = followed() }},
}

// TestJudgeOwner holds the words of each verdict on who owns the account.
func TestJudgeOwner(t *testing.T) {
	const compare = "eppmux ctl cluster, on each host: which one is alive, with its clock right and the registry in its config?"
	for _, tt := range []struct {
		name   string
		change func(*Registry)
		g      Gravity
		rule   string
		whose  string
		text   string
		do     string
	}{
		{"owner", in(ownedHere()), OK, "well", "", "all well: 3 sessions, 2 commands/s, answered in 4 ms (p50)", ""},
		{"follower", following(func(*Ownership) {}), OK, "well", "", "all well: b owns the account; 2 lanes, 2 commands/s, answered in 4 ms (p50)", ""},
		{"quiet follower", func(r *Registry) { following(func(*Ownership) {})(r); r.Minute = Window{Seconds: 60} }, OK, "well", "",
			"all well: b owns the account; 2 lanes, no commands in the last minute", ""},
		{"yielding", func(r *Registry) { down("", "", 0)(r); r.Cluster = ownedHere(); r.Cluster.Role = "yielding" }, OK, "well", "",
			"all well: this host gives the account up; commands wait for the next owner", ""},
		{"takeover", in(orphan(3)), Look, "no_owner", "", "nobody owns the account for 3 s: commands wait for a takeover, which takes up to 17 s", "wait"},
		{"nobody", in(orphan(40)), Broken, "no_owner", whoseConfig, "nobody owns the account for 40 s: commands wait until their deadlines, and are not sent", compare},
		{"nobody, engine away", func(r *Registry) { r.Cluster = orphan(40); r.Cluster.EngineAwaySeconds = 60 }, Broken, "no_owner", whoseEngine,
			"nobody owns the account for 40 s: commands wait until their deadlines, and are not sent", "bring the engine back; what it said last stands with the cluster"},
		{"nobody, some unfit", func(r *Registry) { r.Cluster = orphan(40); r.Cluster.Unfit = []string{"b", "c"} }, Broken, "no_owner", whoseConfig,
			"nobody owns the account for 40 s: commands wait until their deadlines, and are not sent", "could open no session lately: b, c; " + compare},
		{"no lane yet", following(func(o *Ownership) { *o.Lanes, o.ForSeconds = Lanes{}, 2 }), Look, "no_lane", "", "no lane yet to b, the owner for 2 s: commands wait", "wait"},
		{"owner away", laneless("", "connect: b.example:7070: connection refused"), Broken, "no_lane", whosePeer,
			"no lane to b (b.example:7070), which owns the account: connect: b.example:7070: connection refused",
			"see that b.example:7070 is reached from here: its cluster.peer.listen and advertise, a firewall, the host"},
		{"for long", func(r *Registry) { laneless("", "x")(r); r.Cluster.Lanes.TroubleSeconds = 300 }, Broken, "no_lane", whosePeer,
			"no lane to b (b.example:7070), which owns the account, for 5 min: x", "see that b.example:7070 is reached from here: its cluster.peer.listen and advertise, a firewall, the host"},
		{"tls", laneless("", "tls: certificate signed by unknown authority"), Broken, "no_lane", whoseConfig,
			"no lane to b (b.example:7070), which owns the account: tls: certificate signed by unknown authority",
			"compare the certificates in cluster.peer: of one authority, for the names that are advertised, not expired; eppmux cert --peer makes them"},
		{"not tried yet", laneless("", ""), Broken, "no_lane", whosePeer, "no lane to b (b.example:7070), which owns the account: it is being opened", "wait"},
		{"other cluster", laneless(lane.RefusedCluster, "x"), Broken, "no_lane", whoseConfig, "no lane to b (b.example:7070), which owns the account: it is of another cluster",
			"make cluster.name the same on both hosts, then restart the wrong one"},
		{"other account", laneless(lane.RefusedAccount, "x"), Broken, "no_lane", whoseConfig, "no lane to b (b.example:7070), which owns the account: it does not serve the account",
			"its config needs a registry with the same address and client id, and without cluster: off"},
		{"other version", laneless(lane.RefusedVersion, "x"), Broken, "no_lane", whoseOperator,
			"no lane to b (b.example:7070), which owns the account: it does not speak with a host of this version", "upgrade the older of the two, release by release"},
		{"full", laneless(lane.RefusedBusy, "x"), Broken, "no_lane", whoseConfig, "no lane to b (b.example:7070), which owns the account: it has as many lanes as it takes",
			"raise cluster.lanes there"},
		{"no owner by its own word", laneless(lane.RefusedOwner, "x"), Broken, "no_lane", whoseEngine,
			"no lane to b (b.example:7070), which owns the account: it does not take itself for the owner, or not in this term",
			"wait; if it lasts, compare eppmux ctl cluster on both hosts: one may not reach the engine"},
		{"other term", laneless(lane.RefusedTerm, "x"), Broken, "no_lane", whoseEngine,
			"no lane to b (b.example:7070), which owns the account: it does not take itself for the owner, or not in this term",
			"wait; if it lasts, compare eppmux ctl cluster on both hosts: one may not reach the engine"},
		{"some lanes", following(func(o *Ownership) { o.Lanes.Refused, o.Lanes.Trouble = "busy", "x" }), Look, "fewer_lanes", whoseConfig,
			"no further lane to b (b.example:7070): it has as many lanes as it takes; 2 lanes go on", "raise cluster.lanes there"},
		{"unfit", following(func(o *Ownership) { o.Unfit = []string{"c", "d", "e", "f", "g"} }), Look, "unfit", whoseConfig,
			"c, d, e and 2 more gave the account up: no session could be opened from there",
			"compare source address and certificates there with what the registry has on file; ten minutes later it may own the account again"},
		{"fenced", func(r *Registry) { r.Cluster = ownedHere(); r.Cluster.FencedSeconds = 180 }, Look, "fenced", whoseHost,
			"this host ran into its fence 3 min ago: its lease was not renewed in time, and it closed its sessions",
			"look whether the host stood still (a paused machine, swap, a clock that was set), or the engine was slow or away"},
	} {
		r := working()
		tt.change(&r)
		if got, want := judge(&r, false)[0], (Finding{tt.g, tt.rule, tt.whose, tt.text, tt.do}); got != want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, want)
		}
	}
}

// TestRefusalsHaveWords: each refusal has words of its own, and none is shown as what went over the wire.
func TestRefusalsHaveWords(t *testing.T) {
	for _, why := range []lane.Refusal{lane.RefusedCluster, lane.RefusedAccount, lane.RefusedOwner, lane.RefusedTerm, lane.RefusedVersion, lane.RefusedBusy} {
		o := followed()
		o.Lanes = &Lanes{Refused: string(why), Trouble: "raw"}
		if got := laneTroubleOf(o); got.why == "raw" || got.do == "" || got.whose == "" {
			t.Errorf("%s: got %+v", why, got)
		}
	}
}

// TestReadinessInCluster: a follower is ready when it can forward, and while a takeover is under way
// nobody is taken out.
func TestReadinessInCluster(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    *Ownership
		own  int // sessions
		want string
	}{
		{"owner", ownedHere(), 1, ""},
		{"owner without a session", ownedHere(), 0, "no session is logged in"},
		{"follower", followed(), 0, ""},
		{"follower without a lane", func() *Ownership { o := followed(); o.Lanes = &Lanes{Trouble: "connect: refused"}; return o }(), 0,
			"no lane to b, which owns the account; last: connect: refused"},
		{"follower that tries", func() *Ownership { o := followed(); o.Lanes = &Lanes{Opening: 1}; return o }(), 0, "no lane to b, which owns the account"},
		{"follower of a new owner", func() *Ownership { o := followed(); o.Lanes, o.ForSeconds = &Lanes{Opening: 1}, 5; return o }(), 0, ""},
		{"yielding", func() *Ownership { o := ownedHere(); o.Role = "yielding"; return o }(), 0, ""},
		{"takeover", orphan(17), 0, ""},
		{"nobody", orphan(17.1), 0, "nobody owns the account"},
	} {
		s := new(Snapshot)
		s.Account.Sessions[pool.SessionIdle] = tt.own
		if got := readiness("a", s, tt.o, false); got != (Readiness{Registry: "a", OK: tt.want == "", Reason: tt.want}) {
			t.Errorf("%s: got %+v, want %q", tt.name, got, tt.want)
		}
		if got := readiness("a", s, tt.o, true); got.Reason != "draining" {
			t.Errorf("%s, stopping: got %+v", tt.name, got)
		}
		// Ready, and broken on the page, exclude each other.
		r := Registry{Answers: true, Cluster: tt.o}
		r.account(&s.Account)
		if broken := judge(&r, false)[0].Gravity == Broken; broken != (tt.want != "") {
			t.Errorf("%s: got broken %v, want %v: %+v", tt.name, broken, tt.want != "", judge(&r, false))
		}
	}
	if got := readiness("a", ungreetedBy("too long", false), followed(), false); got.OK {
		t.Errorf("a follower whose clients are not greeted: got %+v", got)
	}
}

// TestMonitorInCluster: what the monitor is told of the cluster stands with the cluster and with the
// registries of that name.
func TestMonitorInCluster(t *testing.T) {
	cfg := MonitorConfig{Subjects: fixed(subjectOf("a", &fake{sessions: 1}), subjectOf("alone", &fake{sessions: 1})), Cluster: func() *cluster.Snapshot {
		return &cluster.Snapshot{Cluster: "prod", Host: "x", TTL: 15 * time.Second, Engine: cluster.EngineState{Name: "etcd", Since: time.Now().Add(-time.Minute)},
			Accounts: []cluster.AccountState{{Name: "a", Role: cluster.RoleNone, Since: time.Now().Add(-time.Minute)}, {Name: "b"}}}
	}}
	watch(t, cfg, func(t *testing.T, m *Monitor) {
		s := m.Status()
		if s.Cluster == nil || s.Cluster.Name != "prod" || s.Cluster.Gravity != Look || s.Gravity != Broken || s.Cluster.Unowned != 2 {
			t.Fatalf("got %+v", s.Cluster)
		}
		a, alone := &s.Registries[0], &s.Registries[1]
		if a.Cluster == nil || a.Verdict().Rule != "no_owner" || a.Verdict().Whose != whoseEngine || alone.Cluster != nil || alone.Gravity != OK {
			t.Errorf("got %+v, %+v", a.Findings, alone.Findings)
		}
		want := []Readiness{{Registry: "a", Reason: "nobody owns the account"}, {Registry: "alone", OK: true}}
		if got := m.Ready(); !slices.Equal(got, want) {
			t.Errorf("got %+v", got)
		}
	})
	watch(t, MonitorConfig{Subjects: cfg.Subjects}, func(t *testing.T, m *Monitor) {
		if s := m.Status(); s.Cluster != nil || s.Registries[0].Cluster != nil {
			t.Errorf("without a cluster: got %+v", s)
		}
	})
}
