package proxy

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"eppmux/loop"
)

// checkBooks holds what is counted by share against the clients themselves.
func checkBooks(t testing.TB, s *Server) {
	t.Helper()
	type sum struct{ connections, memory, held, holders int }
	sums, total, byLedger := map[*share]sum{}, 0, map[*ledger]int{}
	named := map[*identity]int{}
	for c := s.clients; c != nil; c = c.next {
		h := c.identity.share
		u := sums[h]
		u.connections++
		u.memory += int(c.memory)
		if int(c.memory) > h.ledger.reserve {
			u.held += int(c.memory)
			u.holders++
		}
		sums[h] = u
		total += int(c.memory)
		byLedger[h.ledger] += int(c.memory)
		named[c.identity]++
		if s.shares[h.key] != h || s.identities[c.identity.key] != c.identity || h.key != c.identity.key.shareKey {
			t.Fatalf("client %d is under %v, which is not that of its key", c.id, c.identity.name)
		}
		if h.key.stranger != c.stranger() || h.key.stranger != (h.ledger == &s.strangers) {
			t.Fatalf("client %d: stranger %v, counted as one: %v", c.id, c.stranger(), h.key.stranger)
		}
	}
	if total != s.memory || byLedger[&s.known] != s.known.memory || byLedger[&s.strangers] != s.strangers.memory {
		t.Fatalf("%d octets are counted, %d and %d by ledger; clients have %d, %v", s.memory, s.known.memory, s.strangers.memory,
			total, byLedger)
	}
	if len(sums) != len(s.shares) || len(named) != len(s.identities) || s.crowds.Len() != len(s.shares) {
		t.Fatalf("%d shares, %d in order, %d identities; clients have %d and %d", len(s.shares), s.crowds.Len(), len(s.identities),
			len(sums), len(named))
	}
	for h, u := range sums {
		got := sum{h.connections, h.memory, h.held, h.holders.Len()}
		if got != u || h.byMemory.In() != (u.holders > 0) {
			t.Fatalf("share %v has %+v, its clients %+v", h.key, got, u)
		}
		if h.byMemory.In() && h.ledger.shares.Key(h.byMemory) != most(u.held, 0) || s.crowds.Key(h.byCrowd) != most(u.connections, 0) {
			t.Fatalf("share %v stands in the wrong place", h.key)
		}
		h.holders.Items(func(c *client) {
			if h.holders.Key(c.holder) != most(int(c.memory), c.id) {
				t.Fatalf("client %d stands in the wrong place", c.id)
			}
		})
	}
	for i, n := range named {
		if i.connections != n {
			t.Fatalf("%s has %d connections counted, and %d", i.name, i.connections, n)
		}
	}
	if s.tight() && s.handling == 0 {
		spared := 0
		for c := s.clients; c != nil; c = c.next {
			if c.spared() {
				spared++
			}
		}
		if spared == 0 {
			t.Fatalf("more is held than may be: %d of %d, strangers %d of %d", s.known.memory, s.known.bound,
				s.strangers.memory, s.strangers.bound)
		}
	}
}

// weight is a stream that only weighs.
type weight struct {
	fakeStream
	c        *client
	in, sent int // octets held, and unsent
}

func (w *weight) buffered() int  { return w.in }
func (w *weight) unsent() int    { return w.sent }
func (w *weight) memory() int    { return w.in + w.sent }
func (w *weight) discard(n int)  { w.in -= n }
func (w *weight) write(b []byte) {}
func (w *weight) close() {
	if w.closes == 0 {
		w.c.Closed(nil)
	}
}

// TestBooks: whatever clients come, hold, log in, and go, the books are right after each event;
// nobody gives way who holds no more than everybody may, and where somebody does, nobody of the
// share with most held more.
func TestBooks(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runBooks(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func runBooks(t *testing.T, random *rand.Rand) {
	cfg := Config{MaxMemory: 100_000, MaxClients: 40}
	if random.IntN(2) == 0 {
		cfg.Users = hashes(t, "web", "web-secret")
	}
	r := newRig(t, cfg, nil)
	r.s.account.Start()
	r.settle()
	ln := newListener(Listener{Address: "unix:///x"}, nil)
	ln.path = "/x"
	var all []*weight
	gone := func(w *weight) bool { return w.c.state >= clientLingering }
	for range 600 {
		before := make(map[*weight]int)
		for _, w := range all {
			if !gone(w) {
				before[w] = int(w.c.memory)
			}
		}
		var moved *weight
		switch n := random.IntN(10); {
		case n < 2 && len(all) < cfg.MaxClients:
			w := &weight{fakeStream: fakeStream{r: r}}
			w.c = &client{srv: r.s, listener: ln, stream: w}
			r.s.connections.Add(1)
			from := provenance{from: fmt.Sprint("192.0.2.", random.IntN(4)), user: loop.User("")}
			w.c.identity = r.s.join(r.s.newcomer(from))
			w.c.open(nil)
			all = append(all, w)
		case len(all) == 0:
		case n < 8:
			moved = all[random.IntN(len(all))]
			moved.c.handle(func() {
				if gone(moved) {
					return
				}
				switch random.IntN(4) {
				case 0:
					moved.in, moved.sent = 0, 0
				case 1:
					moved.in = random.IntN(20_000)
				case 2:
					moved.sent = random.IntN(20_000)
				default:
					moved.in = random.IntN(300)
				}
			})
		case n < 9:
			w := all[random.IntN(len(all))]
			if !gone(w) {
				w.c.handle(func() {
					w.c.trusted, w.c.loggedIn, w.c.as = true, true, r.s.users["web"]
					w.c.reidentify("web")
				})
			}
		default:
			i := random.IntN(len(all))
			all[i].close()
			all = append(all[:i], all[i+1:]...)
		}
		for w, held := range before {
			if gone(w) && w.c.state == clientLingering {
				if w == moved {
					held = 1 << 20 // whatever it held, it has more now
				}
				if held <= w.c.identity.share.ledger.reserve {
					t.Fatalf("client %d gave way with %d octets", w.c.id, held)
				}
			}
		}
		checkBooks(t, r.s)
	}
	for _, w := range all {
		w.close()
	}
	checkBooks(t, r.s)
	if r.s.memory != 0 || len(r.s.shares) != 0 || len(r.s.identities) != 0 {
		t.Errorf("left: %d octets, %d shares, %d identities", r.s.memory, len(r.s.shares), len(r.s.identities))
	}
	r.close()
}

// TestNameOfIdentity is how identities are shown.
func TestNameOfIdentity(t *testing.T) {
	for want, k := range map[string]identityKey{
		"uid 7":                {shareKey: shareKey{provenance: provenance{"/s#7", "7"}}},
		"web at uid 7":         {shareKey{provenance: provenance{fromLoopback, "7"}}, "web"},
		"loopback":             {shareKey: shareKey{provenance: provenance{fromLoopback, "?"}}},
		"/s":                   {shareKey: shareKey{provenance: provenance{"/s#?", "?"}}},
		"192.0.2.7":            {shareKey: shareKey{provenance: provenance{"192.0.2.7", ""}}},
		"a?b at 2001:db8::/64": {shareKey{provenance: provenance{"2001:db8::/64", ""}}, "a\x1bb"},
		"0123456789abcdef0123456789abcdef... at 192.0.2.7": {shareKey{provenance: provenance{"192.0.2.7", ""}},
			"0123456789abcdef0123456789abcdefgh"},
	} {
		if got := k.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// crowded is a rig with n clients of as many shares as are wanted.
func crowded(t testing.TB, n, shares int) (*rig, []*weight) {
	r := newRig(nil, Config{MaxClients: n}, nil)
	r.s.account.Start()
	r.settle()
	ln := newListener(Listener{Address: "unix:///x"}, nil)
	ln.path = "/x"
	var all []*weight
	for i := range n {
		w := &weight{fakeStream: fakeStream{r: r}}
		w.c = &client{srv: r.s, listener: ln, stream: w}
		r.s.connections.Add(1)
		w.c.identity = r.s.join(r.s.newcomer(provenance{from: fmt.Sprint(i % shares)}))
		w.c.open(nil)
		all = append(all, w)
	}
	t.Cleanup(r.close)
	return r, all
}

// BenchmarkGiveWay is what it costs that more is held than may be, with 50,000 clients of which each
// second one stands in the books: one comes to hold more than any other, and gives way.
func BenchmarkGiveWay(b *testing.B) {
	for _, shares := range []int{1, 50_000} {
		b.Run(fmt.Sprint(shares), func(b *testing.B) {
			r, all := crowded(b, 50_000, shares)
			for i, w := range all {
				w.c.handle(func() { w.in = 150 + i%2*6850 })
			}
			n := uint64(0)
			for b.Loop() {
				w := all[n%uint64(len(all))]
				held := w.in
				w.c.handle(func() { w.in = 1_000_000 })
				if n++; r.s.counts.Closes[closedMemory] != n {
					b.Fatal("nobody has given way")
				}
				w.c.state = clientServed
				w.c.handle(func() { w.in = held })
			}
		})
	}
}

// BenchmarkMakeRoom is what a newcomer costs while all of 50,000 places are taken.
func BenchmarkMakeRoom(b *testing.B) {
	r, _ := crowded(b, 50_000, 1)
	r.s.connections.Add(1)
	for b.Loop() {
		r.s.connections.Add(1)
		if !r.s.makeRoom(provenance{from: "other"}) {
			b.Fatal("there is no room")
		}
	}
}
