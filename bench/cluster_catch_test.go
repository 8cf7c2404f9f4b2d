package main

import (
	"bytes"
	"crypto/tls"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// spoiler passes data units on between who connects and a server, and spoils some of them. What it
// writes for each is up to spoil; nil: the unit as it is.
type spoiler struct {
	t    *testing.T
	ln   net.Listener
	dial func() (net.Conn, error)
	// request is called for each unit that goes to the server, answer for each that comes back, by
	// goroutines of their own. away and near write units whole.
	request func(unit []byte, away, near *unitWriter)
	answer  func(unit []byte, near *unitWriter)
	wg      sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

// unitWriter writes data units of two goroutines one after the other.
type unitWriter struct {
	mu sync.Mutex
	nc net.Conn
}

func (w *unitWriter) write(unit []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = w.nc.Write(unit)
}

func newSpoiler(t *testing.T, ln net.Listener, dial func() (net.Conn, error)) *spoiler {
	s := &spoiler{t: t, ln: ln, dial: dial}
	s.request = func(u []byte, away, _ *unitWriter) { away.write(u) }
	s.answer = func(u []byte, near *unitWriter) { near.write(u) }
	t.Cleanup(func() {
		ln.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

// run starts it, when request and answer are set.
func (s *spoiler) run() {
	s.wg.Go(func() {
		for {
			near, err := s.ln.Accept()
			if err != nil {
				return
			}
			away, err := s.dial()
			if err != nil {
				near.Close()
				continue
			}
			s.mu.Lock()
			s.conns = append(s.conns, near, away)
			s.mu.Unlock()
			n, a := &unitWriter{nc: near}, &unitWriter{nc: away}
			s.wg.Go(func() { units(near, away, func(u []byte) { s.request(u, a, n) }) })
			s.wg.Go(func() { units(away, near, func(u []byte) { s.answer(u, n) }) })
		}
	})
}

// units calls f with each data unit of a connection, and closes both when it ends.
func units(from, other net.Conn, f func(unit []byte)) {
	defer from.Close()
	defer other.Close()
	for {
		p, err := readPayload(from, time.Hour)
		if err != nil {
			return
		}
		f(unit(string(p)))
	}
}

// registrySpoiler stands before a registry, with its certificate.
func registrySpoiler(t *testing.T, r *registry) *spoiler {
	t.Helper()
	pem := func(name string) string { return filepath.Join(r.dir, name) }
	pair, err := tls.LoadX509KeyPair(pem("server.pem"), pem("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := clientTLS(pem("ca.pem"), pem("client.pem"), pem("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	return newSpoiler(t, ln, func() (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 11)}}
		return tls.DialWithDialer(&d, "tcp", r.address, client)
	})
}

// caught runs one host with clients for a moment, spoils, and wants the judge to find words, and
// nothing that a quiet run would have.
func caught(t *testing.T, want string, spec clusterSpec, before func(c *clusterRig), after func(c *clusterRig, e *evidence)) {
	t.Helper()
	t.Parallel()
	c := newClusterRig(t, spec)
	if before != nil {
		before(c)
	}
	c.start()
	time.Sleep(2 * time.Second)
	e := c.finish()
	if after != nil {
		after(c, e)
	}
	found := strings.Join(e.judge(), "\n")
	switch {
	case want == "" && found != "":
		t.Errorf("the judge found\n%s", found)
	case !strings.Contains(found, want):
		t.Errorf("the judge found\n%s\nwant %q", found, want)
	default:
		t.Logf("the judge found %d: %.300s", len(e.judge()), found)
	}
}

// plainSpec is one host or several that know nothing of each other.
var plainSpec = clusterSpec{registrySpec: registrySpec{sessions: 3, latency: 5 * time.Millisecond, rate: 100}, hosts: 1, clients: 10}

var (
	createForm = regexp.MustCompile(`<create>`)
	idForm     = regexp.MustCompile(`<clTRID>[^<]*</clTRID>`)
)

// TestClusterJudge: what the rig is to catch it does, and it finds nothing in a run in which all is
// well.
func TestClusterJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	t.Run("well", func(t *testing.T) { caught(t, "", plainSpec, nil, nil) })
	// behindSpoiler has the host use the registry through a spoiler. Its config is written anew.
	behindSpoiler := func(request func(u []byte, away, near *unitWriter)) func(c *clusterRig) {
		return func(c *clusterRig) {
			s := registrySpoiler(c.t, c.registry)
			s.request = request
			s.run()
			c.readdress(s.ln.Addr().String())
		}
	}
	t.Run("repeated id", func(t *testing.T) {
		caught(t, "repeated id: ", plainSpec, behindSpoiler(func(u []byte, away, _ *unitWriter) {
			away.write(u)
			if createForm.Match(u) {
				away.write(u)
			}
		}), nil)
	})
	t.Run("twice", func(t *testing.T) {
		caught(t, "twice: create ", plainSpec, behindSpoiler(func(u []byte, away, _ *unitWriter) {
			if createForm.Match(u) {
				away.write(unit(string(idForm.ReplaceAll(u[4:], []byte("<clTRID>AGAIN</clTRID>")))))
			}
			away.write(u)
		}), nil)
	})
	t.Run("repeated id before a client's own", func(t *testing.T) {
		caught(t, "repeated id: ", plainSpec, nil, func(_ *clusterRig, e *evidence) {
			var counted []*journalLine
			for i := range e.journal {
				if l := &e.journal[i]; l.counts() {
					counted = append(counted, l)
				}
			}
			id, _, _ := strings.Cut(counted[1].ClTRID, "-")
			counted[0].ClTRID = id + "-other"
		})
	})
	t.Run("too fast", func(t *testing.T) {
		spec := plainSpec
		spec.unruly = true
		caught(t, "breach: TooFast", spec, nil, nil)
	})
	t.Run("too fast by the journal", func(t *testing.T) {
		caught(t, "too fast: ", plainSpec, nil, func(_ *clusterRig, e *evidence) { e.rate = 50 })
	})
	t.Run("two writers", func(t *testing.T) {
		spec := plainSpec
		spec.hosts, spec.sessions, spec.unruly, spec.rate = 2, 6, true, 0
		spec.keys = ""
		caught(t, "two writers: ", spec, nil, nil)
	})
	t.Run("too many sessions", func(t *testing.T) {
		spec := plainSpec
		spec.hosts, spec.rate = 2, 0
		caught(t, "breach: TooManySessions", spec, nil, nil)
	})
	t.Run("unannounced", func(t *testing.T) {
		caught(t, "unannounced: ", plainSpec, nil, func(c *clusterRig, e *evidence) {
			e.audits["a"] = e.audits["a"][:len(e.audits["a"])/2]
		})
	})
	// What clients see is spoiled between them and the host.
	clientSide := func(answer func(u []byte, near *unitWriter)) func(c *clusterRig) {
		return func(c *clusterRig) { c.spoilAnswers = answer }
	}
	t.Run("swapped", func(t *testing.T) {
		var mu sync.Mutex
		var last []byte
		caught(t, "astray: ", plainSpec, clientSide(func(u []byte, near *unitWriter) {
			mu.Lock()
			defer mu.Unlock()
			if bytes.Contains(u, []byte("greeting")) {
				near.write(u)
			} else if last == nil {
				last = bytes.Clone(u)
				near.write(u)
			} else {
				near.write(last)
				last = bytes.Clone(u)
			}
		}), nil)
	})
	t.Run("other answer", func(t *testing.T) {
		caught(t, "other answer, ", plainSpec, clientSide(func(u []byte, near *unitWriter) {
			near.write(unit(string(bytes.ReplaceAll(u[4:], []byte(`code="1000"`), []byte(`code="1001"`)))))
		}), nil)
	})
	t.Run("falsely unsent", func(t *testing.T) {
		caught(t, "not sent, ", plainSpec, clientSide(func(u []byte, near *unitWriter) {
			if bytes.Contains(u, []byte("creData")) {
				u = unit(`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="2400"><msg>not sent to registry; safe to retry</msg></result>` +
					`<trID>` + string(idForm.Find(u)) + `</trID></response></epp>`)
			}
			near.write(u)
		}), nil)
	})
	t.Run("late", func(t *testing.T) {
		caught(t, "late, ", plainSpec, nil, func(_ *clusterRig, e *evidence) { e.deadline = time.Millisecond })
	})
}
