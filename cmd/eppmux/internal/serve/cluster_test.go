package serve

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"eppmux/cluster"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
)

// TestClusterLife: three hosts share two registries. Each has one owner, commands go through all hosts, an
// operator gives an account away, an owner ends while commands wait there, and the last host leaves nothing
// behind that another would have to wait for.
func TestClusterLife(t *testing.T) {
	w := newTown(t, "one", "two")
	var hosts []*townHost
	for _, name := range []string{"a", "b", "c"} {
		h := w.newHost(name)
		hosts = append(hosts, h)
		h.begin(h.section(byStore), h.real("one", "cluster: {prefer: [a, b, c]}"), h.real("two", "cluster: {prefer: [b, c, a]}"))
	}
	a, b, c := hosts[0], hosts[1], hosts[2]
	w.owned("two", hosts...)
	owner := w.owned("one", hosts...)
	for _, h := range hosts {
		h.works("one")
		h.works("two")
		h.ready("one")
		h.ready("two")
	}
	w.identities(hosts)

	// A handover by an operator, at the owner and nowhere else.
	next := b
	if owner == b {
		next = c
	}
	if _, err := next.verb("handover", "one", ""); err == nil || !strings.Contains(err.Error(), "does not own") {
		t.Errorf("a handover at a follower: got %v", err)
	}
	if done, err := owner.verb("handover", "one", next.name); err != nil || !strings.Contains(done, "handed over to "+next.name) {
		t.Errorf("got %q, %v", done, err)
	}
	if got := w.owned("one", hosts...); got != next {
		t.Errorf("got owner %s, want %s", got.name, next.name)
	}
	for _, h := range hosts {
		h.works("one")
	}

	// The owner ends, with commands of its clients and of another host's in its queue.
	var waiting []net.Conn
	for range 20 {
		waiting = append(waiting, next.dial("one"))
	}
	other := a
	if next == a {
		other = b
	}
	theirs := other.dial("one")
	for _, nc := range waiting {
		next.ask(nc)
	}
	other.ask(theirs)
	next.stop()
	for _, nc := range waiting {
		next.answer(nc)
	}
	other.answer(theirs)
	next.gone("one", "two")
	if !strings.Contains(next.log.Text(), "msg=draining") || strings.Contains(next.log.Text(), "could not") {
		t.Errorf("got log\n%s", next.log.Text())
	}
	var left []*townHost
	for _, h := range hosts {
		if h != next {
			left = append(left, h)
		}
	}
	w.owned("one", left...)
	w.owned("two", left...)
	for _, h := range left {
		h.works("one")
		h.works("two")
	}
	for _, h := range left {
		h.stop()
		h.gone("one", "two")
	}

	// The leases are free, and nobody is a member or has an identity.
	for key, rec := range w.store.Records(cluster.Leases) {
		if !bytes.Contains(rec, []byte(`"released":true`)) {
			t.Errorf("lease %s: got %s, want it released", key, rec)
		}
	}
	for key, rec := range w.store.Records(cluster.Identities) {
		if !bytes.Contains(rec, []byte(`"released":true`)) {
			t.Errorf("identity %s: got %s, want it released", key, rec)
		}
	}
	if m := w.store.Records(cluster.Members); len(m) != 0 {
		t.Errorf("got members %s", m)
	}
	w.kept("one")
	w.kept("two")
}

// identities wants each host to have an identity of its own, and all to have one key for refused credentials.
func (w *town) identities(hosts []*townHost) {
	w.t.Helper()
	w.until("all have an identity", func() bool { return len(w.store.Records(cluster.Identities)) == len(hosts) })
	w.until("all have the key", func() bool {
		for _, h := range hosts {
			if h.s.cluster.ledgerKey() == nil {
				return false
			}
		}
		return true
	})
	seen := make(map[uint16]string)
	for _, h := range hosts {
		id := h.s.cluster.trids.Identity()
		if other, twice := seen[id]; twice {
			w.t.Errorf("%s and %s have the identity %d", other, h.name, id)
		}
		seen[id] = h.name
		if !bytes.Equal(h.s.cluster.ledgerKey(), hosts[0].s.cluster.ledgerKey()) {
			w.t.Errorf("%s has another key than %s", h.name, hosts[0].name)
		}
	}
}

// TestClusterAlone: the only host gives the account back at its end, so that the next start owns it without
// having watched it for a ttl, with what the ledger has.
func TestClusterAlone(t *testing.T) {
	w := newTown(t, "one")
	h := w.newHost("a")
	limited := "rate_limits: [{limit: 1000, per: 1h}]"
	for range 2 {
		h.begin(h.section(byStore), h.real("one", limited))
		w.owned("one", h)
		h.works("one")
		h.ready("one")
		h.stop()
		h.gone("one")
	}
	for _, rec := range w.store.Records(cluster.Leases) {
		if !bytes.Contains(rec, []byte(`"released":true`)) || !bytes.Contains(rec, []byte(`"term":2`)) {
			t.Errorf("got %s, want the second term released", rec)
		}
	}
	if l := w.store.Records(cluster.Ledgers); len(l) != 1 {
		t.Errorf("got ledgers %s", l)
	}
	if log := h.log.Text(); strings.Contains(log, "lost") || strings.Contains(log, "could not") {
		t.Errorf("got log\n%s", log)
	}
	w.kept("one")
}

// TestClusterVerbs: pause and drain, at the owner and at a follower.
func TestClusterVerbs(t *testing.T) {
	w := newTown(t, "one")
	a, b := w.newHost("a"), w.newHost("b")
	for _, h := range []*townHost{a, b} {
		h.begin(h.section(byStore), h.real("one"), "spare")
	}
	owner := w.owned("one", a, b)
	follower := a
	if owner == a {
		follower = b
	}
	verb := func(h *townHost, name, want string) {
		t.Helper()
		if done, err := h.verb(name, "one", ""); err != nil || !strings.Contains(done, want) {
			t.Errorf("%s at %s: got %q, %v, want %q", name, h.name, done, err, want)
		}
	}
	owner.works("one")
	follower.works("one")

	// A follower that is paused harms nobody else.
	waits := follower.dial("one")
	verb(follower, "pause", "one: paused")
	follower.ask(waits)
	owner.works("one")
	verb(follower, "resume", "one: resumed")
	follower.answer(waits)

	// An owner that is paused has all wait.
	verb(owner, "pause", "one: paused")
	w.until("the session is logged out", func() bool { c := w.registries["one"].Counters(); return c.Logins == c.Logouts })
	follower.ask(waits)
	mine := owner.dial("one")
	owner.ask(mine)
	verb(owner, "resume", "one: resumed")
	follower.answer(waits)
	owner.answer(mine)

	// An owner that is drained gives the account away, with what waits there.
	var queue []net.Conn
	for range 20 {
		queue = append(queue, owner.dial("one"))
	}
	for _, nc := range queue {
		owner.ask(nc)
	}
	verb(owner, "drain", "one: drained")
	for _, nc := range queue {
		owner.answer(nc)
	}
	if got := w.owned("one", follower); got != follower {
		t.Errorf("got owner %v", got)
	}
	if st := owner.account("one"); st.Name != "" {
		t.Errorf("got %+v of an account that was drained", st)
	}
	follower.ask(waits)
	follower.answer(waits)
	owner.connect("spare")

	// A reload serves it again, as a follower; then it is drained there.
	owner.reload(owner.section(byStore), owner.real("one"), "spare")
	owner.works("one")
	verb(owner, "drain", "one: drained")
	follower.works("one")
	for _, h := range []*townHost{a, b} {
		h.stop()
	}
	w.kept("one")
}

// TestClusterRefused: a password that the registry has refused at one host is not tried again by the next
// owner, which has the same; one that is new is.
func TestClusterRefused(t *testing.T) {
	w := newTown(t, "one")
	a, b := w.newHost("a"), w.newHost("b")
	const wrong = "login: {client_id: demo, password: not-the-one}"
	for _, h := range []*townHost{a, b} {
		h.begin(h.section(byStore), h.real("one"))
	}
	owner := w.owned("one", a, b)
	next := a
	if owner == a {
		next = b
	}
	owner.works("one")
	w.until("all have the key", func() bool { return owner.s.cluster.ledgerKey() != nil && next.s.cluster.ledgerKey() != nil })
	for _, h := range []*townHost{next, owner} {
		h.want(h.reload(h.section(byStore), h.real("one", wrong)), "changed=one")
	}
	if _, err := owner.verb("reconnect", "one", ""); err != nil { // a session lives on with the password that it had
		t.Fatal(err)
	}
	w.until("the password is refused", func() bool { return w.registries["one"].Counters().LoginsRefused == 1 })
	if _, err := owner.verb("handover", "one", next.name); err != nil {
		t.Fatal(err)
	}
	w.owned("one", next)
	waits := next.dial("one")
	next.ask(waits)
	answer, err := clitest.ReadUnit(waits)
	if code, msg, _ := frame.ParseResult(answer); err != nil || code != 2400 || !strings.Contains(msg, "not sent") {
		t.Errorf("got %d %q, %v, want 2400 not sent", code, msg, err)
	}
	if n := w.registries["one"].Counters().LoginsRefused; n != 1 {
		t.Errorf("got %d logins refused, want the one of the owner before", n)
	}
	next.want(next.reload(next.section(byStore), next.real("one")), "changed=one")
	next.works("one")
	owner.works("one")
	a.stop()
	b.stop()
	w.kept("one")
}
