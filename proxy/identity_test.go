package proxy

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// identities are those of all clients, in order, as operators see them.
func (f *fixture) identities() []string {
	f.t.Helper()
	list, _, err := f.server.Clients(ClientsMax)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, c := range list {
		all = append(all, c.Identity)
	}
	slices.Sort(all)
	return all
}

// shares are the keys of the shares that there are, with the number of their connections.
func (f *fixture) shares() map[string]int {
	f.t.Helper()
	all := map[string]int{}
	err := f.server.ask(func() {
		checkBooks(f.t, f.server.Server)
		for k, h := range f.server.Server.shares {
			all[fmt.Sprintf("%s %s %v", k.proven, string(k.user), k.stranger)] += h.connections
		}
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

func (f *fixture) want(identities []string, shares map[string]int) {
	f.t.Helper()
	if got := f.identities(); !slices.Equal(got, identities) {
		f.t.Errorf("got identities %q, want %q", got, identities)
	}
	if got := f.shares(); !maps.Equal(got, shares) {
		f.t.Errorf("got shares %v, want %v", got, shares)
	}
}

// TestIdentities: who is behind a client is its user, over loopback too, and the client id of its
// login once that is answered 1000. A name that anybody may take has no share of its own.
func TestIdentities(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	uid := fmt.Sprint(os.Getuid())
	me := "uid " + uid
	f, r := startEcho(t, func(c *config) { c.Listeners = append(c.Listeners, Listener{Address: "unix://" + path}) })
	p, q := f.dial(), f.dial()
	f.want([]string{me, me}, map[string]int{" " + uid + " false": 2})
	p.want(p.ask(command("<login><clID>any</clID><pw>b</pw><newPW>c</newPW></login>", "I-1")), 2102, "I-1")
	f.want([]string{me, me}, map[string]int{" " + uid + " false": 2})
	p.want(p.ask(login("I-2")), 1000, "I-2")
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	(&peer{t: t, nc: nc}).read()
	want := []string{"any at " + me, me, me}
	f.want(want, map[string]int{" " + uid + " false": 3})

	// From now on logins are verified. Who is here is no stranger, and has not logged in.
	f.reloadUsers(r, hashes(t, "web", "web-secret"))
	f.want([]string{me, me, me}, map[string]int{" " + uid + " false": 3})
	new := f.dial()
	f.want([]string{me, me, me, me}, map[string]int{" " + uid + " false": 3, " " + uid + " true": 1})
	new.want(new.ask(loginAs("web", "wrong", "", "I-3")), 2200, "I-3")
	f.want([]string{me, me, me, me}, map[string]int{" " + uid + " false": 3, " " + uid + " true": 1})
	new.want(new.ask(loginAs("web", "web-secret", "", "I-4")), 1000, "I-4")
	q.want(q.ask(loginAs("web", "web-secret", "", "I-5")), 1000, "I-5") // its password is known by now
	f.want([]string{me, me, "web at " + me, "web at " + me}, map[string]int{" " + uid + " false": 2, "web " + uid + " false": 2})

	// A client id that is gone has no share any more, and nor has anybody a name who has none.
	f.reloadUsers(r, hashes(t, "other", "web-secret"))
	f.want([]string{me, me, me, me}, map[string]int{" " + uid + " false": 4})
	stranger := f.dial()
	f.reloadUsers(r, nil)
	f.want([]string{me, me, me, me, me}, map[string]int{" " + uid + " false": 5})
	for _, nc := range []net.Conn{p.nc, q.nc, new.nc, stranger.nc, nc} {
		nc.Close()
	}
	waitFor(t, "their ends", func() bool { return f.server.connections.Load() == 0 })
	f.want(nil, map[string]int{})
}

// TestHandshakesCount: a connection counts for its share from the accept on, and no longer than it
// lives, whatever becomes of its handshake.
func TestHandshakesCount(t *testing.T) {
	f, cfg := startTLS(t, nil)
	shares := func() int { return len(f.shares()) }
	count := func() (n int) {
		_ = f.server.ask(func() {
			for _, h := range f.server.Server.shares {
				n += h.connections
			}
		})
		return n
	}
	silent, err := net.Dial("tcp", f.server.listeners[1].ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	waitFor(t, "the first", func() bool { return count() == 1 })
	whole := f.dialTLS(cfg)
	(&peer{t: t, nc: whole}).read()
	if n := count(); n != 2 {
		t.Errorf("%d connections are counted, want 2", n)
	}
	silent.Close()
	waitFor(t, "its end", func() bool { return count() == 1 })
	whole.Close()
	waitFor(t, "the end of both", func() bool { return shares() == 0 })
}
