package proxy

import (
	"testing"
	"unsafe"
)

// TestClientSize: a client stays in its allocator's class, and so an idle one within what it may
// cost.
func TestClientSize(t *testing.T) {
	if n := unsafe.Sizeof(client{}); n > 176 {
		t.Errorf("got %d octets, want 176 at most", n)
	}
}

// connected is a rig with a client that has the greeting.
func connected(t *testing.T) *rig {
	r := newRig(t, Config{}, nil)
	r.s.account.Start()
	r.settle()
	r.connect(nil)
	t.Cleanup(r.close)
	return r
}

// wantBug fails unless f panics with a broken rule.
func wantBug(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := recover(); got != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}()
	f()
}

// TestOctetsNeedHandling: whatever changes a client's octets has to be within handle, since they are
// weighed at its end.
func TestOctetsNeedHandling(t *testing.T) {
	r := connected(t)
	r.stream.in = unit(check("a.example", "T-1"))
	for _, f := range []func(){
		func() { r.c.write([]byte("x")) }, func() { r.c.discard(1) }, func() { r.c.linger(closedShutdown) },
	} {
		wantBug(t, "BUG: outside the handling of a client", f)
	}
	r.stream.in = nil
}

// TestDecidingOnly: while a frame is borrowed nothing is written and nothing closed.
func TestDecidingOnly(t *testing.T) {
	r := connected(t)
	r.stream.in = unit(check("a.example", "T-1"))
	for _, f := range []func(){
		func() { r.c.write([]byte("x")) }, func() { r.c.discard(1) }, func() { r.c.linger(closedShutdown) },
		func() { r.c.close(closedIdle) }, func() { r.c.dismiss(replyNoMemory, closedMemory) },
	} {
		r.c.handle(func() {
			r.c.deciding = true
			wantBug(t, "BUG: acts on a frame before it is decided", f)
			r.c.deciding = false
		})
	}
	r.stream.in = nil
}

// TestWeighedAfterEachEvent: what a client holds is right after each event, the end included.
func TestWeighedAfterEachEvent(t *testing.T) {
	half := unit(check("a.example", "T-1"))[:50]
	for name, end := range map[string]func(*client){
		"closed":    func(c *client) { c.Closed(nil) },
		"kicked":    func(c *client) { c.close(closedKicked) },
		"shut down": func(c *client) { c.handle(func() { c.linger(closedShutdown) }) },
		"too slow":  func(c *client) { c.due(c.partial + c.srv.cfg.FrameTimeout) },
	} {
		r := connected(t)
		r.stream.in = half
		r.c.Readable()
		if r.s.memory != len(half) {
			t.Errorf("%s: got %d octets before, want %d", name, r.s.memory, len(half))
		}
		if end(r.c); r.s.memory != 0 {
			t.Errorf("%s: got %d octets afterwards, want none", name, r.s.memory)
		}
		if r.stream.closes == 0 {
			r.c.Closed(nil)
		}
	}
}
