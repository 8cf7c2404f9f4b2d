package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	"eppmux/gateway/carry"
)

// connection is one of a peer, as the crowd sees it.
func connection(l *listener, peer string) *conn {
	here, there := net.Pipe()
	there.Close()
	c := &conn{Conn: here, listener: l, peer: peer}
	c.asked.Do(func() {})
	return c
}

// TestCrowdPeers: a peer with all the connections that it may have costs others none, whether its connections idle or not.
func TestCrowdPeers(t *testing.T) {
	for _, busy := range []bool{false, true} {
		c := &crowd{max: 80}
		l := &listener{srv: &Server{}}
		var greedy []*conn
		for range 100 {
			nc := connection(l, "greedy")
			if c.admit(nc) {
				greedy = append(greedy, nc)
				if busy {
					c.note(nc, http.StateActive)
				}
			}
		}
		if n := c.peers["greedy"].n; n != 70 || busy == (len(greedy) == 100) {
			t.Errorf("busy %v: one peer has %d of 80, and was given %d of 100", busy, n, len(greedy))
		}
		for i := range 40 {
			if !c.admit(connection(l, fmt.Sprint("peer ", i))) {
				if c.n < 80 || !busy {
					t.Errorf("busy %v: peer %d was refused, of %d", busy, i, c.n)
				}
			}
		}
		if c.n > 80 {
			t.Errorf("there are %d connections", c.n)
		}
		for _, nc := range greedy {
			c.leave(nc)
			c.leave(nc)
		}
		if c.peers["greedy"] != nil || c.n != 40 && !busy || c.n != 10 && busy {
			t.Errorf("busy %v: %d are left", busy, c.n)
		}
	}
}

// TestCrowdOldest: of a peer's connections the one that idles for the longest makes room, and not one that was used since.
func TestCrowdOldest(t *testing.T) {
	c := &crowd{max: 8}
	l := &listener{srv: &Server{}}
	var all []*conn
	for range 7 {
		all = append(all, connection(l, "a"))
		c.admit(all[len(all)-1])
	}
	c.note(all[0], http.StateActive)
	c.note(all[0], http.StateIdle)
	c.note(all[1], http.StateActive)
	if !c.admit(connection(l, "a")) || c.peers["a"].n != 7 {
		t.Fatal("refused")
	}
	for i, nc := range all {
		_, in := c.peers["a"].members[nc]
		if in != (i != 2) {
			t.Errorf("%d: it is there: %v", i, in)
		}
	}
}

// tokenUsers are two users with tokens a and b.
func tokenUsers(cfg *Config) {
	for _, name := range []string{"a", "b"} {
		cfg.Users = append(cfg.Users, User{Name: name, Token: sha256.Sum256([]byte(name))})
	}
}

// half sends half a request of n octets, which is left open until the end of the test.
func (g *rig) half(token string, n int) net.Conn {
	g.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { nc.Close() })
	fmt.Fprintf(nc, "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", token, 2*n, strings.Repeat(" ", n))
	return nc
}

// await waits until f is true.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for by := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(by) {
			t.Fatal("in vain: " + what)
		}
	}
}

// TestLongBodies: a user with long bodies costs others nothing, is told so, and may go on when some have ended.
func TestLongBodies(t *testing.T) {
	g := open(t, tokenUsers)
	g.srv.bodies.Resize(1 << 20)
	var open []net.Conn
	for range 4 {
		open = append(open, g.half("a", 100<<10))
	}
	await(t, "bodies that have come", func() bool { return g.srv.bodies.Taken() == 4*(92<<10) })
	nc := g.half("a", 400<<10)
	go func() { _, _ = io.WriteString(nc, strings.Repeat(" ", 400<<10)) }() // it ends with the connection
	_ = nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(res.Body); res.StatusCode != 503 || !strings.Contains(string(b), "problem:busy") || !strings.Contains(string(b), "not_sent") {
		t.Errorf("one too many: got %s %s", res.Status, b)
	}
	body := `{"host":"it","domain":"a.it"}`
	if res := g.post("/api/epp/domain-check", body, "Authorization", "Bearer a"); res.StatusCode != 200 {
		t.Errorf("a short one: got %s", res.body)
	}
	if res := g.post("/api/epp/domain-check", body+strings.Repeat(" ", 200<<10), "Authorization", "Bearer b"); res.StatusCode != 200 {
		t.Errorf("a long one of another: got %s", res.body)
	}
	for _, nc := range append(open, nc) {
		nc.Close()
	}
	await(t, "no bodies", func() bool { return g.srv.bodies.Taken() == 0 && g.srv.places.Taken() == 0 })
}

// TestManyRequests: a user with as many requests under way as it may have is told so, and another is served.
func TestManyRequests(t *testing.T) {
	g := open(t, tokenUsers)
	g.srv.places.Resize(16)
	goOn := make(chan struct{})
	g.carrier.do = func(ctx context.Context, o carry.Order) (carry.Answer, error) {
		if o.User.Name == "a" {
			<-goOn
		}
		return carried(1000, nil), nil
	}
	body := `{"host":"it","domain":"a.it"}`
	statuses := make(chan int, 20) // of the requests of a
	for range 20 {
		go func() { statuses <- g.post("/api/epp/domain-check", body, "Authorization", "Bearer a").StatusCode }()
	}
	for range 6 {
		if s := <-statuses; s != 503 {
			t.Errorf("got %d", s)
		}
	}
	if res := g.post("/api/epp/domain-check", body, "Authorization", "Bearer b"); res.StatusCode != 200 {
		t.Errorf("another user: got %s", res.body)
	}
	close(goOn)
	for range 14 {
		if s := <-statuses; s != 200 {
			t.Errorf("got %d", s)
		}
	}
	if n := g.srv.places.Taken(); n != 0 {
		t.Errorf("%d are still under way", n)
	}
}
