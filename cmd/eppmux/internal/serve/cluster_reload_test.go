package serve

import (
	"context"
	"slices"
	"strings"
	"testing"

	"eppmux/cluster"
)

// pair is a town of two hosts with an owner of the registry one.
func pair(t *testing.T) (w *town, owner, follower *townHost) {
	w = newTown(t, "one", "two")
	a, b := w.newHost("a"), w.newHost("b")
	for _, h := range []*townHost{a, b} {
		h.begin(h.section(byStore), h.real("one", "cluster: {prefer: [a, b]}"))
	}
	if owner = w.owned("one", a, b); owner == a {
		return w, a, b
	}
	return w, b, a
}

// session is the registry's newest session at the host; 0: there is none.
func (h *townHost) session(registry string) (id uint64) {
	h.do(func(context.Context) {
		for _, m := range h.s.members {
			if m.cfg.Name != registry {
				continue
			}
			all, err := m.account.Sessions()
			if err != nil {
				h.t.Error(err)
			}
			for _, s := range all {
				id = s.ID
			}
		}
	})
	return id
}

// TestClusterReload: what a reload does at the owner and at a follower.
func TestClusterReload(t *testing.T) {
	w, owner, follower := pair(t)
	both := []*townHost{owner, follower}
	for _, h := range both {
		h.works("one")
	}
	conns := map[*townHost]func(){}
	for _, h := range both {
		nc := h.dial("one")
		conns[h] = func() { h.t.Helper(); h.ask(nc); h.answer(nc) }
		conns[h]()
	}

	// Another preference is all that changes: nothing moves at once, no session and no lane ends.
	sessions := []uint64{owner.session("one"), follower.session("one")}
	for _, h := range both {
		log := h.reload(h.section(byStore), h.real("one", "cluster: {prefer: ["+follower.name+", "+owner.name+"]}"))
		h.want(log, "msg=reloaded changed=one\n")
		if best := h.account("one").Best; best != follower.name {
			t.Errorf("%s: got best %q, want %s", h.name, best, follower.name)
		}
		conns[h]()
	}
	if got := []uint64{owner.session("one"), follower.session("one")}; !slices.Equal(got, sessions) || w.owned("one", both...) != owner {
		t.Errorf("got sessions %d, want %d", got, sessions)
	}

	// Timeouts and a password at a follower concern no lane; those at the owner no client.
	log := follower.reload(follower.section(byStore), follower.real("one", "timeouts: {queue: 40s}", "login: {client_id: demo, password: another-one}"))
	follower.want(log, "msg=reloaded changed=one\n")
	conns[follower]()
	if got := follower.session("one"); got != sessions[1] {
		t.Errorf("got lane %d, want %d", got, sessions[1])
	}
	follower.reload(follower.section(byStore), follower.real("one"))
	log = owner.reload(owner.section(byStore), owner.real("one", "timeouts: {queue: 40s}"))
	owner.want(log, "msg=reloaded changed=one\n")
	for _, h := range both {
		conns[h]()
	}

	// Longer commands of clients than at the start would not pass the owner's lanes.
	log = owner.reload(owner.section(byStore), strings.Replace(owner.real("one"), "max: 50", "max: 50, max_frame: 300000", 1))
	owner.want(log, "clients.max_frame has grown", "octets=262144", "changed=one")

	// A registry comes and goes, at the owner of the other one and at its follower.
	for _, h := range both {
		h.reload(h.section(byStore), h.real("one"), h.real("two"))
	}
	w.owned("two", both...)
	for _, h := range both {
		h.works("two")
		conns[h]()
	}
	first := w.owned("two", both...)
	last := owner
	if first == owner {
		last = follower
	}
	first.want(first.reload(first.section(byStore), first.real("one")), "removed=two")
	w.owned("two", last)
	last.works("two")
	last.want(last.reload(last.section(byStore), last.real("one")), "removed=two")
	last.logged(`msg="registry has ended" registry=two`)
	for _, h := range both {
		conns[h]()
	}

	// The section cluster changes at a restart only, also where it is gone: what is shared stays shared.
	for _, top := range []string{
		follower.section("ttl: 6s\n  redis: {address: \"127.0.0.1:1\"}"),
		"drain_timeout: 20s",
	} {
		log := follower.reload(top, follower.real("one"))
		follower.want(log, "cluster changes at a restart only", "unchanged=one")
		if st := follower.account("one"); st.Role != cluster.RoleFollower {
			t.Errorf("got %+v", st)
		}
		conns[follower]()
	}
	log = follower.reload("drain_timeout: 20s", follower.real("one"), strings.ReplaceAll(strings.Replace(follower.real("one"), "name: one", "name: again", 1), "one.sock", "again.sock"))
	follower.want(log, "msg=reloaded unchanged=one failed=again", "one has the account already: in a cluster an account is one registry")
	conns[follower]()
	for _, h := range both {
		h.stop()
	}
	w.kept("one")
	w.kept("two")
}

// TestClusterReloadAccount: an account that is shared no more, or is another one, is another member.
func TestClusterReloadAccount(t *testing.T) {
	w, owner, follower := pair(t)
	both := []*townHost{owner, follower}
	follower.works("one")

	// The follower takes the account for itself, as a second one of the registry's: it is refused there, and
	// its clients get their answers when it shares again.
	other := "login: {client_id: other, password: other-secret}"
	log := follower.reload(follower.section(byStore), follower.real("one", "cluster: off", other))
	follower.want(log, "added=one", "removed=one")
	follower.works("one")
	if st := follower.account("one"); st.Name != "" {
		t.Errorf("got %+v of an account that is not shared", st)
	}
	if c := w.registries["one"].Counters(); c.Sessions["other"] != 1 || c.Sessions["demo"] != 1 {
		t.Errorf("got sessions %v", c.Sessions)
	}
	owner.works("one")

	// Shared again, under the other account: each host owns one.
	follower.want(follower.reload(follower.section(byStore), follower.real("one", other)), "added=one")
	w.owned("one", follower)
	follower.works("one")
	owner.works("one")

	// The owner takes the other account, too: it follows there, and nobody has the first one any more.
	owner.want(owner.reload(owner.section(byStore), owner.real("one", other)), "added=one")
	if got := w.owned("one", both...); got != follower {
		t.Errorf("got owner %s", got.name)
	}
	owner.works("one")
	if c := w.registries["one"].Counters(); c.Sessions["demo"] != 0 {
		t.Errorf("got sessions %v", c.Sessions)
	}
	for _, h := range both {
		h.stop()
	}
	w.kept("one")
}
