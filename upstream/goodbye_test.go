package upstream

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// ended is what was counted of the only session that ended, and the log.
func (p *play) ended() (cause pool.Cause, desync uint64, log string) {
	p.t.Helper()
	var s Snapshot
	log = p.logged()
	p.on(func() { p.account.Snapshot(&s) })
	for c, n := range s.SessionCloses {
		if n > 0 {
			cause = pool.Cause(c)
		}
	}
	for _, n := range s.Desync {
		desync += n
	}
	return cause, desync, log
}

// TestGoodbye: a registry may say by a code x5xx that it ends a session on which nothing is asked.
// That is its end, in its words, and no session is out of step. What else comes unasked is out of step.
func TestGoodbye(t *testing.T) {
	for _, tt := range []struct {
		says  func(last string) string
		then  func(r *registrySide)
		cause pool.Cause
		words string
	}{
		{func(string) string { return goodbye(1500, "") }, (*registrySide).close, pool.CauseRegistryClosed, "result code 1500: "},
		{func(string) string { return goodbye(2500, "") }, (*registrySide).close, pool.CauseRegistryClosed, "result code 2500: "},
		{func(string) string { return goodbye(2502, "") }, (*registrySide).wantEnd, pool.CauseRegistryClosed, "too long idle"},
		{func(last string) string { return goodbye(2501, last) }, (*registrySide).wantEnd, pool.CauseRegistryClosed, "result code 2501"},
		{func(last string) string { return goodbye(2501, last[:14]) }, (*registrySide).wantEnd, pool.CauseUnasked, ""},
		{func(string) string { return goodbye(1000, "") }, (*registrySide).wantEnd, pool.CauseUnasked, ""},
		{func(string) string { return epp("<hello/>") }, (*registrySide).wantEnd, pool.CauseUnasked, ""},
	} {
		inPlay(t, func(c *Config) { c.Pool.Keepalive = 0 }, func(p *play) {
			r := p.session()
			a := p.ask(checkCommand("<clTRID>C-1</clTRID>"))
			r.want("check")
			r.reply(1000)
			a.end()
			r.send(tt.says(r.id))
			tt.then(r)
			cause, desync, log := p.ended()
			if cause != tt.cause || desync != uint64(map[bool]int{true: 1}[tt.cause == pool.CauseUnasked]) {
				t.Errorf("%s: closed for %v, desync %d, want %v", tt.says(r.id), cause, desync, tt.cause)
			}
			if !strings.Contains(log, tt.words) || strings.Contains(log, "ERROR") != (desync > 0) {
				t.Errorf("%s: logged %s", tt.says(r.id), log)
			}
		})
	}
}

// TestGoodbyeCrosses: a goodbye that crosses a command is not its answer, where answers have their
// clTRIDs, nor that of a hello. The command's outcome is unknown, and no session is out of step.
func TestGoodbyeCrosses(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		a := p.ask(deleteCommand("<clTRID>C-1</clTRID>"))
		r.want("delete")
		r.reply(1000)
		a.end()
		b := p.ask(deleteCommand("<clTRID>C-2</clTRID>"))
		r.want("delete")
		r.send(goodbye(2500, ""))
		if e := b.end(); e.End != pool.EndUnknown {
			t.Errorf("got %+v, want unknown", e)
		}
		if cause, desync, log := p.ended(); cause != pool.CauseRegistryClosed || desync > 0 || strings.Contains(log, "too long idle") {
			t.Errorf("closed for %v, desync %d: %s", cause, desync, log)
		}
	})
	inPlay(t, func(c *Config) { c.Pool.Keepalive = time.Minute }, func(p *play) {
		r := p.session()
		time.Sleep(time.Minute)
		r.want("hello")
		r.send(goodbye(2500, ""))
		r.wantEnd()
		if cause, desync, _ := p.ended(); cause != pool.CauseRegistryClosed || desync > 0 {
			t.Errorf("closed for %v, desync %d", cause, desync)
		}
	})
}

// TestGoodbyeBehindLogin: what follows the login's answer, or the greeting, says why there is no
// session. 2502 is the ceiling there too.
func TestGoodbyeBehindLogin(t *testing.T) {
	for _, behind := range []string{"login", "greeting"} {
		for code, cause := range map[int]pool.Cause{2500: pool.CauseRegistryClosed, 2502: pool.CauseTooManySessions} {
			inPlay(t, nil, func(p *play) {
				r := p.accept()
				unit := func(first string) []byte {
					return append(frame.AppendUnit(nil, []byte(first), nil), frame.AppendUnit(nil, []byte(goodbye(code, "")), nil)...)
				}
				if behind == "login" {
					r.greet()
					r.want("login")
					_, _ = r.nc.Write(unit(response(1000, r.id)))
				} else {
					_, _ = r.nc.Write(unit(epp(testGreeting)))
					if code == 2500 {
						cause = pool.CauseGreeting
					}
				}
				synctest.Wait()
				var got pool.Cause
				p.on(func() { got = p.account.cause })
				if log := p.logged(); got != cause || !strings.Contains(log, fmt.Sprintf(`result code %d: \"too long idle\"`, code)) ||
					strings.Contains(log, "ERROR") {
					t.Errorf("%d behind the %s: %v, want %v; %s", code, behind, got, cause, log)
				}
			})
		}
	}
}

// TestLookTellsEnds: the look before a command is written tells the end of the connection from octets
// that nobody asked for.
func TestLookTellsEnds(t *testing.T) {
	for _, tt := range []struct {
		in    string // octets that have come
		over  error
		cause pool.Cause
	}{
		{"", io.EOF, pool.CauseRegistryClosed},
		{"", syscall.ECONNRESET, pool.CauseRegistryClosed},
		{"", nil, pool.CauseUnasked},
		{goodbye(2502, ""), io.EOF, pool.CauseRegistryClosed},
		{goodbye(2502, ""), nil, pool.CauseRegistryClosed},
		{goodbye(1000, ""), io.EOF, pool.CauseUnasked},
	} {
		inPlay(t, func(c *Config) { c.Pool.Keepalive = 0 }, func(p *play) {
			r := p.session()
			p.on(func() {
				s := p.loop.sockets[0]
				s.pending, s.over = true, tt.over
				if tt.in != "" {
					s.in = frame.AppendUnit(nil, []byte(tt.in), nil)
				}
			})
			a := p.ask(deleteCommand(""))
			r.wantEnd()
			r = p.session()
			r.want("delete")
			r.reply(1000)
			if e := a.end(); e.End != pool.EndAnswered {
				t.Errorf("got %+v", e)
			}
			if cause, desync, _ := p.ended(); cause != tt.cause || desync > 0 && cause != pool.CauseUnasked {
				t.Errorf("%q, %v: closed for %v, desync %d, want %v", tt.in, tt.over, cause, desync, tt.cause)
			}
		})
	}
}

// TestReadCause: only octets that our TLS does not accept are a broken frame.
func TestReadCause(t *testing.T) {
	for err, want := range map[error]pool.Cause{
		io.EOF: pool.CauseRegistryClosed, io.ErrUnexpectedEOF: pool.CauseRegistryClosed, net.ErrClosed: pool.CauseRegistryClosed,
		&net.OpError{Op: "read", Err: syscall.ECONNRESET}:         pool.CauseRegistryClosed,
		&net.OpError{Op: "read", Err: syscall.ETIMEDOUT}:          pool.CauseRegistryClosed,
		&net.OpError{Op: "write", Err: syscall.EPIPE}:             pool.CauseRegistryClosed,
		&net.OpError{Op: "remote error", Err: tls.AlertError(80)}: pool.CauseRegistryClosed,
		&net.OpError{Op: "local error", Err: tls.AlertError(100)}: pool.CauseRegistryClosed,
		&net.OpError{Op: "local error", Err: tls.AlertError(20)}:  pool.CauseFrame,
		&net.OpError{Op: "local error", Err: tls.AlertError(10)}:  pool.CauseFrame,
		tls.RecordHeaderError{Msg: "oversized record received"}:   pool.CauseFrame,
		fmt.Errorf("tls: received unexpected handshake message"):  pool.CauseFrame,
	} {
		if got := readCause(err); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}

// TestHelloUnanswered: a session that ends since its hello has no greeting for an answer says what to do.
func TestHelloUnanswered(t *testing.T) {
	for _, does := range []func(r *registrySide){
		func(*registrySide) { time.Sleep(2 * time.Minute) },
		(*registrySide).close,
		func(r *registrySide) { r.send(response(2000, "")) },
		func(r *registrySide) { r.send(goodbye(2500, "")) },
	} {
		for _, command := range []frame.Command{frame.CommandHello, frame.CommandPoll} {
			inPlay(t, func(c *Config) { c.Pool.Keepalive, c.Pool.KeepaliveCommand = time.Minute, command }, func(p *play) {
				r := p.session()
				time.Sleep(time.Minute)
				r.want(command.String())
				does(r)
				if got := strings.Contains(p.logged(), "keepalive_command: poll"); got != (command == frame.CommandHello) {
					t.Errorf("%v: named %v: %s", command, got, p.logged())
				}
			})
		}
	}
}
