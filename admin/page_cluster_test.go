package admin

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/admin/status"
	"eppmux/cluster"
)

// clusterStatus is what a host shows that serves so many registries, and takes part in a cluster of so many
// hosts that own them one after the other. The first host is this one.
func clusterStatus(t *testing.T, hosts, accounts int, change func(*cluster.Snapshot)) (st *status.Status) {
	t.Helper()
	var subjects []status.Subject
	for i := range accounts {
		s := busySubject(busy)
		s.Name = fmt.Sprintf("r%d", i+1)
		subjects = append(subjects, s)
	}
	look := func() *cluster.Snapshot {
		since := time.Now().Add(-time.Hour)
		s := &cluster.Snapshot{Cluster: "prod", Host: "h1", TTL: 15 * time.Second, MaxSkew: 5 * time.Second,
			Engine: cluster.EngineState{Name: "etcd", Up: true, Since: since, Requests: 1000, Took: 2 * time.Second}}
		for i := range hosts {
			host := fmt.Sprintf("h%d", i+1)
			s.Members = append(s.Members, cluster.MemberState{Host: host, Peer: host + ".example:7070", Version: "0.1.0", Self: i == 0, Alive: true, Since: since})
		}
		for i := range accounts {
			m := s.Members[i%hosts]
			a := cluster.AccountState{Name: fmt.Sprintf("r%d", i+1), Role: cluster.RoleFollower, Owner: cluster.Owner{Host: m.Host, Peer: m.Peer, Term: 7}, Since: since,
				Lanes: &cluster.LaneState{Idle: 1, Busy: 1, Opening: 3}}
			if m.Self {
				a.Role, a.Left, a.Lanes = cluster.RoleOwner, 9*time.Second, &cluster.LaneState{Served: 5}
			}
			s.Accounts = append(s.Accounts, a)
		}
		if change != nil {
			change(s)
		}
		return s
	}
	synctest.Test(t, func(t *testing.T) {
		m := status.NewMonitor(status.MonitorConfig{Version: "v1", Cluster: look, Subjects: func() []status.Subject { return subjects }})
		time.Sleep(time.Minute)
		st = m.Status()
		m.Stop()
	})
	return st
}

// rows are the rows of the body of a table whose caption begins so.
func rows(t *testing.T, page, caption string) []string {
	t.Helper()
	_, rest, found := strings.Cut(page, "<caption>"+caption)
	if !found {
		t.Fatalf("no table %q in\n%s", caption, page)
	}
	_, rest, _ = strings.Cut(rest, "<tbody>")
	rest, _, _ = strings.Cut(rest, "</tbody>")
	return strings.Split(strings.Trim(rest, "\n"), "\n")
}

// TestPageOfThree: a cluster of three hosts and as many accounts, whole.
func TestPageOfThree(t *testing.T) {
	page := pageOf(t, clusterStatus(t, 3, 3, func(s *cluster.Snapshot) {
		s.Members[2].Skew, s.Members[1].Skew = -1500*time.Millisecond, 20*time.Millisecond
	}))
	wants(t, "three", page, []string{
		"All 3 registries are well</h1>", "Cluster <small>prod, as h1 sees it</small>", "all well: 3 of 3 members alive, etcd answers in 2 ms, h1 owns 1 of 3 accounts",
		"<dt>Members</dt><dd><b>3</b> of 3</dd>", "<dt>Engine</dt><dd><b>etcd</b></dd><dd class=\"more\">answers in 2 ms</dd>",
		"<dt>Owned here</dt><dd><b>1</b> of 3</dd><dd class=\"more\">first lease 9 s of 15 s</dd>", "<dt>Owned by nobody</dt><dd><b>0</b></dd>",
		`<th scope="col" class="wide">Owner</th>`, `<td class="wide">this host for 60 min</td><td class="n wide">3 of 3</td>`, `<td class="wide">h2 for 60 min</td><td class="n wide">2 lanes</td>`,
		"<dt>Owner</dt><dd><b>h1</b></dd><dd class=\"more\">for 60 min, term 7, lease 9 s, 5 lanes served</dd>",
		"<dt>Owner</dt><dd><b>h3</b></dd><dd class=\"more\">for 60 min, term 7, 2 lanes</dd>",
		"<dt>Lanes</dt><dd><b>2</b></dd><dd class=\"more\">1 busy, 3 opening</dd>",
	}, []string{"more: see", "ZgotmplZ", "%!", "<no value>", "&lt;nil&gt;", "nobody</b>"})
	members := rows(t, page, "Members")
	if len(members) != 3 || !strings.Contains(members[0], "<b>h1</b>, this host") || !strings.Contains(members[1], `<td class="n wide">&#43;20 ms</td>`) ||
		!strings.Contains(members[2], `<td>h3</td><td class="n">1</td><td>alive</td><td class="wide">h3.example:7070</td><td class="wide">0.1.0</td><td class="n wide">-1.5 s</td><td class="n wide">1999-12-31 23:01</td>`) {
		t.Errorf("got %q", members)
	}
}

// TestPageOfHundred: of a hundred hosts the page lists some, those of which there is something to say, and
// has a line for each registry. /status.json has all.
func TestPageOfHundred(t *testing.T) {
	st := clusterStatus(t, 100, 100, func(s *cluster.Snapshot) {
		s.Members[70].Alive, s.Members[80].Leaving, s.Members[90].Odd, s.Members[95].SameAs = false, true, true, "h1"
	})
	page := pageOf(t, st)
	members := rows(t, page, "Members")
	if len(members) != maxShownMembers+1 || !strings.Contains(members[maxShownMembers], "and 88 more: see /status.json, or eppmux ctl cluster") {
		t.Errorf("got %d rows of members: %q", len(members), members)
	}
	for _, want := range []string{"<b>h1</b>, this host", ">h91</td>", "alive, clock off</td>", "alive, address of h1 too</td>", "<td>away</td>", "<td>leaving</td>"} {
		if !strings.Contains(strings.Join(members, "\n"), want) {
			t.Errorf("got no %q in %q", want, members)
		}
	}
	if n := len(rows(t, page, "Registries, the gravest first")); n != 100 {
		t.Errorf("got %d rows of registries", n)
	}
	section, _, _ := strings.Cut(page[strings.Index(page, `id="k"`):], "</section>")
	if len(section) > 8192 {
		t.Errorf("got %d octets of cluster", len(section))
	}
	var back status.Status
	if err := json.Unmarshal([]byte(body(t, request(statusServer(st).Handler(), "GET", "/status.json", "localhost"))), &back); err != nil || len(back.Cluster.Members) != 100 {
		t.Errorf("got %v, %+v", err, back.Cluster)
	}
}

// TestPageOfTroubledCluster: each thing that is wrong is named once, with its advice; nobody's account is
// broken, and what the cluster suffers is not.
func TestPageOfTroubledCluster(t *testing.T) {
	page := pageOf(t, clusterStatus(t, 3, 3, func(s *cluster.Snapshot) {
		s.Engine.Up, s.Engine.Since, s.Engine.Err = false, time.Now().Add(-40*time.Second), "connection refused <b>"
		s.Members[2].Odd = true
		s.Accounts[0] = cluster.AccountState{Name: "r1", Since: time.Now().Add(-30 * time.Second)}
		s.Accounts[1].Lanes = &cluster.LaneState{Trouble: "connect: refused", TroubleFor: time.Minute}
	}))
	wants(t, "troubled", page, []string{
		"2 of 3 registries are broken, and the cluster needs a look</h1>", `<section class="registry g-look" id="k"`,
		"etcd does not answer for 40 s: connection refused &lt;b&gt;; an owner stops 14 s behind its last renewal", "Whose: the engine, or the network to it.",
		"wall clock of h3 differs", "nobody owns the account for 30 s", "no lane to h2 (h2.example:7070), which owns the account, for 60 s: connect: refused",
		"<dd class=\"more\">away for 40 s</dd>", `<div class="g-look"><dt>Engine</dt>`, `<div class="g-look"><dt>Owned by nobody</dt><dd><b>1</b></dd>`, `<td class="wide">nobody for 30 s</td>`,
	}, nil)
	if n := strings.Count(page, "does not answer for 40 s"); n != 1 {
		t.Errorf("got the engine %d times", n)
	}
}

// TestPageWithoutCluster: then nothing of it is there.
func TestPageWithoutCluster(t *testing.T) {
	page := pageOf(t, statusOf(t, busySubject(busy), nil))
	wants(t, "none", page, nil, []string{"Cluster", "Owner", "Lanes", "not shared", `id="k`})
	page = pageOf(t, clusterStatus(t, 3, 2, func(s *cluster.Snapshot) { s.Accounts = s.Accounts[:1] }))
	wants(t, "one is not shared", page, []string{`<span class="dim">not shared</span>`}, nil)
}

// TestClusterPageIsWellFormed: with a registry that is named as the page's own parts are.
func TestClusterPageIsWellFormed(t *testing.T) {
	st := clusterStatus(t, 3, 3, func(s *cluster.Snapshot) { s.Members[1].Host, s.Members[1].Odd = evil, true })
	st.Registries[0].Name = "k"
	page := pageOf(t, st)
	if strings.Contains(page, "<script>") || strings.ContainsAny(page, "\x1b\x07\u202e") {
		t.Errorf("got what is not escaped in %s", page)
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, page)
		}
	}
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if seen[id[1]] {
			t.Errorf("id %s is there twice", id[1])
		}
		seen[id[1]] = true
	}
}
