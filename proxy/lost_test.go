package proxy

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"eppmux/upstream/pool"
)

// losses are the words of registries for a command on a session that they do not know as logged in.
var losses = []struct {
	code int
	text string
}{
	{2002, "Command use error"},
	{2002, "Ошибка использования команды"},
	{2002, "Kasutaja ei ole sisse logitud"},
	{2002, ""},
	{2200, "Authentication error"},
	{2200, "Ошибка аутентификации"},
	{2201, "Authorization error"},
	{2201, "Autoriseerimise viga"},
	{2201, ""},
	{2202, "Invalid authorization information"},
}

// forgetful is a registry over TCP. Sessions that have logged in before forgot answer every command by a
// loss from then on; a hello they answer as ever.
type forgetful struct {
	ln     net.Listener
	done   sync.WaitGroup
	loss   int          // index in losses
	epoch  atomic.Int32 // grows when the sessions of now lose their login
	logins atomic.Int32
	polls  atomic.Int32
}

func newForgetful(t *testing.T, loss int) *forgetful {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forgetful{ln: ln, loss: loss}
	f.done.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			f.done.Go(func() { f.session(nc) })
		}
	})
	return f
}

// session ends when its connection does.
func (f *forgetful) session(nc net.Conn) {
	defer nc.Close()
	greeting := unit(eppOpen + `<greeting><svID>forgetful</svID><svDate>2020-01-01T00:00:00.0Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>en</lang><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI></svcMenu></greeting></epp>`)
	_, _ = nc.Write(greeting)
	born := int32(-1)
	for {
		payload, err := readPayload(nc)
		if err != nil {
			return
		}
		code, text := 1000, "ok"
		switch {
		case strings.Contains(payload, "<hello"):
			_, _ = nc.Write(greeting)
			continue
		case strings.Contains(payload, "<login>"):
			born = f.epoch.Load()
			f.logins.Add(1)
		case born < f.epoch.Load():
			code, text = losses[f.loss].code, losses[f.loss].text
		case strings.Contains(payload, "<poll"):
			f.polls.Add(1)
			code = 1300
		case strings.Contains(payload, "<logout"):
			code = 1500
		case strings.Contains(payload, "forbidden.example"):
			code, text = 2201, "Authorization error"
		}
		answer := strings.Replace(ruinAnswer(code, string(muxForm.Find([]byte(payload)))), "<msg>m</msg>", "<msg>"+text+"</msg>", 1)
		if _, err := nc.Write(unit(answer)); err != nil || code == 1500 {
			return
		}
	}
}

// lostClient asks over a connection of its own.
type lostClient struct {
	net.Conn
	wrong int // answers but 1000 to a check of an object that nobody forbids
}

func (c *lostClient) check(name string) {
	_, _ = c.Write(unit(check(name, "LOST-1")))
	answer, err := readPayload(c)
	if name != "forbidden.example" && (err != nil || !strings.Contains(answer, `code="1000"`)) {
		c.wrong++
	}
}

// TestLostWithoutWords: three sessions lose their logins at once, in whatever words, twice. No client
// sees anything of it, and each loss costs one login. Where honest refusals have just been asked about,
// one wrong answer of each session may reach a client.
func TestLostWithoutWords(t *testing.T) {
	for loss := range losses {
		for _, forbidden := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %d forbidden=%v", loss, losses[loss].code, forbidden), func(t *testing.T) {
				t.Parallel()
				lostWithoutWords(t, loss, forbidden)
			})
		}
	}
}

func lostWithoutWords(t *testing.T, loss int, forbidden bool) {
	const sessions = 3
	f := newForgetful(t, loss)
	c := testConfig(t, f.ln.Addr().String(), nil)
	c.Upstream.Pool.Grant = pool.Grant{MinSessions: sessions, MaxSessions: sessions}
	p := build(t, c)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	var clients [4]lostClient
	for i := range clients {
		nc, err := net.Dial("tcp", p.listeners[0].ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		_, _ = readPayload(nc) // the greeting
		clients[i].Conn = nc
	}
	wrong, most := 0, 0
	for round := range 3 {
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				for n := range 10 {
					clients[i].check(fmt.Sprintf("a%d-%d.example", i, n))
					if forbidden {
						clients[i].check("forbidden.example")
					}
				}
			})
		}
		wg.Wait()
		now := 0
		for i := range clients {
			now += clients[i].wrong
		}
		if round > 0 && forbidden {
			most += sessions
		}
		if wrong = now; wrong > most {
			t.Errorf("round %d: %d wrong answers, want %d at most", round, wrong, most)
		}
		f.epoch.Add(1)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	f.ln.Close()
	f.done.Wait()
	if n := f.logins.Load(); n > 3*sessions {
		t.Errorf("%d logins, want %d at most", n, 3*sessions)
	}
}
