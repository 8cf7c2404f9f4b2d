package talk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/ratelimit"
)

// TestReadUnit reads octet by octet, as a slow server sends.
func TestReadUnit(t *testing.T) {
	two := append(clitest.Unit("<a/>"), clitest.Unit("<bb/>")...)
	r := iotest.OneByteReader(bytes.NewReader(two))
	for _, want := range []string{"<a/>", "<bb/>"} {
		if got, err := readUnit(r); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	for n := range len(clitest.Unit("<a/>")) {
		if got, err := readUnit(bytes.NewReader(two[:n])); err == nil || err.Error() != "the connection was closed" {
			t.Errorf("cut at %d: got %q, %v, want the connection closed", n, got, err)
		}
	}
	if _, err := readUnit(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want %v", err, io.ErrClosedPipe)
	}
}

// piped is a conversation over a pipe in a synctest bubble, and its other end. It is past the
// greeting.
func piped(t *testing.T) (*Conversation, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() {
		ours.Close()
		theirs.Close()
	})
	return &Conversation{conn: ours, Purpose: "test"}, theirs
}

// reply reads one message and answers it with that payload, after a time; empty: never. It ends
// with ctx.
func reply(ctx context.Context, conn net.Conn, after time.Duration, payload string) {
	if _, err := readUnit(conn); err == nil && payload != "" && cli.Sleep(ctx, after) == nil {
		conn.Write(clitest.Unit(payload))
	}
}

// TestExchangeEnds goes through the ways in which an exchange ends, with what may follow it.
func TestExchangeEnds(t *testing.T) {
	named := func(id string) string {
		return strings.Replace(clitest.OKXML, "<trID>", "<trID><clTRID>"+id+"</clTRID>", 1)
	}
	for _, tt := range []struct {
		name, answer string
		after        time.Duration
		interrupt    time.Duration // 0: not at all
		want         string        // of the error; empty: none
		over         error
		took         time.Duration
	}{
		{"answered", named("ours"), time.Second, 0, "", nil, time.Second},
		{"without clTRID", clitest.OKXML, 0, 0, "", nil, 0},
		{"another's", named("eppmux-login-OTHER"), 0, 0, "got a response that is not its answer", errOwed, 0},
		{"a greeting", clitest.GreetingXML, 0, 0, "got a greeting that is not its answer", errOwed, 0},
		{"not EPP", "<html/>", 0, 0, "the answer is not EPP: ", errOwed, 0},
		{"late", named("ours"), time.Minute, 0, "answer: nothing within 30s", errOwed, 30 * time.Second},
		{"logged out", strings.Replace(clitest.OKXML, "1000", "1500", 1), 0, 0, "", errLeft, 0},
		{"closes", strings.Replace(clitest.OKXML, "1000", "2502", 1), 0, 0, "", ErrEnded, 0},
		{"interrupted, answered in the grace", named("ours"), 6 * time.Second, 2 * time.Second, "", nil, 6 * time.Second},
		{"interrupted, not answered", named("ours"), 8 * time.Second, 2 * time.Second, "answer: interrupted", errOwed, 7 * time.Second},
		{"interrupted near the end", named("ours"), time.Minute, 28 * time.Second, "answer: interrupted", errOwed, 30 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, other := piped(t)
			interrupted := 0
			d.Grace, d.OnInterrupt = 5*time.Second, func() { interrupted++ }
			go reply(t.Context(), other, tt.after, tt.answer)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.interrupt > 0 {
				time.AfterFunc(tt.interrupt, cancel)
			}
			begin := time.Now()
			a, err := d.Exchange(ctx, NewMessage([]byte(clitest.CheckXML)).Named("ours"), 30*time.Second)
			if took := time.Since(begin); took != tt.took {
				t.Errorf("%s: got the end after %v, want %v", tt.name, took, tt.took)
			}
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || !WasSent(err)) {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			}
			if err == nil && a.RTT != tt.took {
				t.Errorf("%s: got rtt %v, want %v", tt.name, a.RTT, tt.took)
			}
			if d.over != tt.over || (interrupted == 1) != (tt.interrupt > 0) {
				t.Errorf("%s: got over %v, interrupted %d times, want %v", tt.name, d.over, interrupted, tt.over)
			}
			if d.over == nil {
				return
			}
			if _, err := d.Exchange(t.Context(), NewMessage([]byte(clitest.CheckXML)), time.Second); err != d.over || WasSent(err) {
				t.Errorf("%s: got %v for the next message, want it not sent", tt.name, err)
			}
			if err := d.Logout(); (err == nil) != (tt.over != errOwed) {
				t.Errorf("%s: got %v for the logout", tt.name, err)
			}
		})
	}
}

// TestExchangeAfterTheEnd sends nothing once the context has ended.
func TestExchangeAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := piped(t)
		got := make(chan string, 1) // the one message; never closed
		go func() {
			payload, _ := readUnit(other)
			got <- string(payload)
			other.Write(clitest.AnswerTo(payload, 1500, "bye"))
		}()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Exchange(ctx, NewMessage([]byte(clitest.CheckXML)), time.Second); err != cli.ErrInterrupted || WasSent(err) {
			t.Errorf("got %v, want it not sent", err)
		}
		if err := d.Logout(); err != nil {
			t.Errorf("got %v, want the session logged out", err)
		}
		if m := <-got; !strings.Contains(m, "<logout/>") || !strings.Contains(m, "<clTRID>eppmux-test-") {
			t.Errorf("got %s, want the logout", m)
		}
	})
}

// TestLogoutIsBounded: nobody answers.
func TestLogoutIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, other := piped(t)
		go reply(t.Context(), other, 0, "")
		begin := time.Now()
		if err := d.Logout(); err != nil || time.Since(begin) != logoutWithin {
			t.Errorf("got %v after %v, want an end after %v", err, time.Since(begin), logoutWithin)
		}
	})
}

func TestNewMessage(t *testing.T) {
	for _, tt := range []struct {
		payload string
		kind    frame.Kind
		command frame.Command
		query   bool
	}{
		{clitest.CommandXML(`<poll op="req"/>`), frame.KindCommand, frame.CommandPoll, true},
		{clitest.CommandXML(`<poll op="ack" msgID="1"/>`), frame.KindCommand, frame.CommandPoll, false},
		{clitest.CommandXML(`<transfer op="query"><a xmlns="u"/></transfer>`), frame.KindCommand, frame.CommandTransfer, true},
		{clitest.CommandXML(`<transfer op="request"><a xmlns="u"/></transfer>`), frame.KindCommand, frame.CommandTransfer, false},
		{clitest.CommandXML(`<create><a xmlns="u"/></create>`), frame.KindCommand, frame.CommandCreate, false},
		{clitest.CommandXML(`<login/>`), frame.KindCommand, frame.CommandLogin, false},
		{string(frame.AppendHello(nil)[frame.HeaderLen:]), frame.KindHello, frame.CommandHello, true},
		{"junk", frame.KindNone, frame.CommandOther, false},
		{clitest.OKXML, frame.KindResponse, frame.CommandNone, false},
	} {
		m := NewMessage([]byte(tt.payload))
		if m.Kind != tt.kind || m.command != tt.command || m.Query != tt.query || m.clTRID != "" {
			t.Errorf("%s: got %+v", tt.payload, m)
		}
		n := m.Named("a-1")
		if named := tt.kind == frame.KindCommand; named != (n.clTRID == "a-1") || named != strings.Contains(string(n.payload), "<clTRID>a-1</clTRID>") || string(m.payload) != tt.payload {
			t.Errorf("%s: got %s named", tt.payload, n.payload)
		}
		if again := n.Named("b-2"); strings.Contains(string(again.payload), "a-1") {
			t.Errorf("%s: got %s named again", tt.payload, again.payload)
		}
	}
}

// TestPace: when each message may go, by the limits of a registry.
func TestPace(t *testing.T) {
	all, checks := []config.LimitedCommand{{}}, []config.LimitedCommand{{Command: frame.CommandCheck}}
	limit := func(n int, per time.Duration, commands []config.LimitedCommand) config.RateLimit {
		return config.RateLimit{Limit: ratelimit.Limit{N: n, Per: per}, Commands: commands, Scope: config.ScopeRegistry}
	}
	shadow := limit(1, time.Hour, all)
	shadow.Shadow = true
	session := limit(1, 2*time.Second, all)
	session.Scope = config.ScopeSession
	for _, tt := range []struct {
		name   string
		limits []config.RateLimit
		at     []time.Duration // of checks that are answered at once, in seconds
		want   string          // the error of the next; empty: it is admitted, too
	}{
		{"none", nil, []time.Duration{0, 0, 0}, ""},
		{"two a second", []config.RateLimit{limit(2, time.Second, all)}, []time.Duration{0, 0, 1, 1, 2}, ""},
		{"the tighter of two", []config.RateLimit{limit(1, time.Second, all), limit(2, 8*time.Second, checks)}, []time.Duration{0, 1, 8, 9}, ""},
		{"of others", []config.RateLimit{limit(1, time.Hour, []config.LimitedCommand{{Command: frame.CommandCreate}})}, []time.Duration{0, 0}, ""},
		{"shadow", []config.RateLimit{shadow}, []time.Duration{0, 0, 0}, ""},
		{"of a session", []config.RateLimit{session}, []time.Duration{0, 2, 4}, ""},
		{"too long", []config.RateLimit{limit(9, time.Second, all), limit(2, time.Minute, checks)}, []time.Duration{0, 0},
			"rate_limits[1] (2/1m0s) admits no check before 1m0s from now, which is more than timeouts.queue (8s)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := PaceOf(&config.Registry{RateLimits: tt.limits, Timeouts: config.Timeouts{Queue: 8 * time.Second}})
			begin := time.Now()
			m := NewMessage([]byte(clitest.CheckXML))
			for i, at := range tt.at {
				answered, err := p.admit(t.Context(), m)
				if err != nil {
					t.Fatalf("%s: %d: got %v", tt.name, i, err)
				}
				answered()
				if got := time.Since(begin); got != at*time.Second {
					t.Errorf("%s: %d: got it at %v, want %v", tt.name, i, got, at*time.Second)
				}
			}
			if _, err := p.admit(t.Context(), m); err != nil && err.Error() != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
			}
		})
	}
}

// TestPaceInterrupted ends the wait, and takes nothing.
func TestPaceInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := PaceOf(&config.Registry{RateLimits: []config.RateLimit{{Limit: ratelimit.Limit{N: 1, Per: 8 * time.Second}, Commands: []config.LimitedCommand{{}}}}, Timeouts: config.Timeouts{Queue: time.Minute}})
		answered, err := p.admit(t.Context(), NewMessage([]byte(clitest.CheckXML)))
		if err != nil {
			t.Fatal(err)
		}
		answered()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := p.admit(ctx, NewMessage([]byte(clitest.CheckXML))); err != cli.ErrInterrupted || time.Since(begin) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
		if _, err := p.admit(t.Context(), NewMessage([]byte(clitest.CheckXML))); err != nil || time.Since(begin) != 8*time.Second {
			t.Errorf("got %v after %v, want it admitted after 8s", err, time.Since(begin))
		}
	})
}
