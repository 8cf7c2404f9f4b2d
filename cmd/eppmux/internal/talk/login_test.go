package talk

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
)

// TestLoginVerdicts goes through the ways in which a login ends. A registry may repeat the passwords;
// they are never in the reason.
func TestLoginVerdicts(t *testing.T) {
	const (
		oldOne = "old-" + clitest.Canary
		newOne = "new-" + clitest.Canary
	)
	answer := func(code int, text string) func(net.Conn, []byte) {
		return func(conn net.Conn, login []byte) { conn.Write(clitest.AnswerTo(login, code, text)) }
	}
	for _, tt := range []struct {
		name   string
		answer func(conn net.Conn, login []byte)
		want   Verdict
		reason string
	}{
		{"accepted", answer(1000, "ok"), LoginAccepted, ""},
		{"accepted, pending", answer(1001, "soon"), LoginAccepted, ""},
		{"accepted, and closes", answer(1500, "bye"), LoginAccepted, ""},
		{"refused", answer(2200, "Authentication error"), LoginRefused, `the registry answers 2200 "Authentication error"`},
		{"refused without a word", answer(2200, ""), LoginRefused, `the registry answers 2200 ""`},
		{"refused, closes", answer(2501, "go away"), LoginRefused, `the registry answers 2501 "go away"`},
		{"full", answer(2502, "Session limit exceeded"), LoginFull, `the registry answers 2502 "Session limit exceeded"`},
		{"a code of its own", answer(2999, "odd"), LoginRefused, `the registry answers 2999 "odd"`},
		{"passwords repeated", answer(2200, "no "+oldOne+", no "+newOne), LoginRefused, `the registry answers 2200 "no [redacted], no [redacted]"`},
		{"a terminal's words", answer(2200, "a&#x9b;2Jb"), LoginRefused, `the registry answers 2200 "a\u009b2Jb"`},
		{"long", answer(2200, strings.Repeat("x", 99)), LoginRefused, `the registry answers 2200 "` + strings.Repeat("x", 60) + `"...`},
		{"closed", func(conn net.Conn, _ []byte) { conn.Close() }, LoginUnknown, "login: answer: the connection was closed"},
		{"silent", func(net.Conn, []byte) {}, LoginUnknown, "login: answer: nothing within 30s"},
		{"another's answer", func(conn net.Conn, _ []byte) {
			conn.Write(clitest.AnswerTo([]byte("<clTRID>eppmux-passwd-OTHER</clTRID>"), 1000, "ok"))
		}, LoginUnknown, "login: got a response that is not its answer"},
		{"a greeting", func(conn net.Conn, _ []byte) { conn.Write(clitest.Unit(clitest.GreetingXML)) }, LoginUnknown, "login: got a greeting that is not its answer"},
		{"no EPP", func(conn net.Conn, _ []byte) { conn.Write(clitest.Unit("<" + oldOne + "/>")) }, LoginUnknown, "login: the answer is not EPP: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, other := piped(t)
			go func() {
				if login, err := readUnit(other); err == nil {
					tt.answer(other, login)
				}
			}()
			l := frame.Login{ClientID: "demo", Password: oldOne, NewPassword: newOne, ClTRID: d.NewClTRID()}
			res := d.Login(t.Context(), &l, 30*time.Second)
			reason := ""
			if res.Err != nil {
				reason = res.Err.Error()
			}
			if res.Verdict != tt.want || !strings.HasPrefix(reason, tt.reason) || (reason == "") != (tt.reason == "") || clitest.FindSecret(reason) != "" {
				t.Errorf("%s: got %v, %q, want %v, %q", tt.name, res.Verdict, reason, tt.want, tt.reason)
			}
			if no := (*Refusal)(nil); errors.As(res.Err, &no) != (tt.want == LoginFull || tt.want == LoginRefused) {
				t.Errorf("%s: got %T", tt.name, res.Err)
			}
		})
	}
}

// TestLoginNotSent: nothing was sent, and the registry cannot have counted an attempt.
func TestLoginNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := piped(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		res := d.Login(ctx, &frame.Login{ClientID: "demo", Password: clitest.Canary}, time.Minute)
		if res.Verdict != LoginNotSent || !errors.Is(res.Err, cli.ErrInterrupted) || res.Err.Error() != "login: interrupted" {
			t.Errorf("got %+v", res)
		}
		d.over = errOwed
		if res := d.Login(t.Context(), &frame.Login{}, time.Minute); res.Verdict != LoginNotSent || !errors.Is(res.Err, errOwed) {
			t.Errorf("got %+v", res)
		}
	})
}

// TestLoginFor: what the config leaves out is the greeting's, and each login has a clTRID of its own.
func TestLoginFor(t *testing.T) {
	const menu = `<epp xmlns="` + frame.Namespace + `"><greeting><svID>x</svID><svDate>2000-01-01T00:00:00Z</svDate><svcMenu><version>1.0</version>` +
		`<lang>de</lang><objURI>urn:o1</objURI><objURI>urn:o2</objURI><svcExtension><extURI>urn:e1</extURI></svcExtension></svcMenu></greeting></epp>`
	d := &Conversation{first: []byte(menu), Purpose: "passwd"}
	r := &config.Registry{Login: config.Login{ClientID: "demo", Password: config.NewSecret(clitest.Canary), Language: "en"}}
	l, err := d.LoginFor(r)
	if err != nil || strings.Join(l.ObjectURIs, " ") != "urn:o1 urn:o2" || strings.Join(l.ExtensionURIs, " ") != "urn:e1" ||
		l.Language != "en" || l.Password != clitest.Canary || !strings.HasPrefix(l.ClTRID, "eppmux-passwd-") {
		t.Errorf("got %#v, %q, %q, %v", l, l.ObjectURIs, l.ExtensionURIs, err)
	}
	if again, err := d.LoginFor(r); err != nil || again.ClTRID == l.ClTRID {
		t.Errorf("got clTRID %q again, %v", again.ClTRID, err)
	}
	r.Login.ObjectURIs, r.Login.ExtensionURIs = []string{"urn:mine"}, []string{"urn:e9"}
	if l, err = d.LoginFor(r); err != nil || strings.Join(l.ObjectURIs, " ") != "urn:mine" || strings.Join(l.ExtensionURIs, " ") != "urn:e9" {
		t.Errorf("got %q, %q, %v, want those of the config", l.ObjectURIs, l.ExtensionURIs, err)
	}
	d.first = []byte("<greeting")
	if _, err := d.LoginFor(r); err == nil || !strings.HasPrefix(err.Error(), "greeting: ") {
		t.Errorf("got %v", err)
	}
}

// TestEnding: which codes end a session (RFC 5730 section 3), and whether a logout may follow.
func TestEnding(t *testing.T) {
	for code, want := range map[frame.Code]error{
		1000: nil, 1001: nil, 1300: nil, 1301: nil, 2000: nil, 2005: nil, 2105: nil, 2400: nil, 2305: nil,
		1500: errLeft, 1501: errLeft, 2500: ErrEnded, 2501: ErrEnded, 2502: ErrEnded, 2599: ErrEnded,
	} {
		if got := ending(code); got != want {
			t.Errorf("%d: got %v, want %v", code, got, want)
		}
	}
}

// TestAnsweredBy: whose answer a message is.
func TestAnsweredBy(t *testing.T) {
	scan := func(payload string) *frame.Message {
		m, err := new(frame.Scanner).Scan([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	named := strings.Replace(clitest.OKXML, "<trID>", "<trID><clTRID>ours</clTRID>", 1)
	hello := string(frame.AppendHello(nil)[frame.HeaderLen:])
	withoutID := NewMessage([]byte(clitest.CheckXML))
	for _, tt := range []struct {
		name   string
		m      *Message
		answer string
		want   bool
	}{
		{"ours", withoutID.Named("ours"), named, true},
		{"made up", withoutID.Named("eppmux-x-1"), named, true},
		{"another's", withoutID.Named("eppmux-x-OTHER"), strings.Replace(named, "ours", "eppmux-x-1", 1), false},
		{"none in the answer", withoutID.Named("ours"), clitest.OKXML, true},
		{"none in the command", withoutID, named, true},
		{"a greeting", withoutID.Named("ours"), clitest.GreetingXML, false},
		{"a command", withoutID.Named("ours"), clitest.CheckXML, false},
		{"a hello", NewMessage([]byte(hello)), clitest.GreetingXML, true},
		{"a hello that is refused", NewMessage([]byte(hello)), clitest.RefusedXML, true},
		{"a hello, echoed", NewMessage([]byte(hello)), hello, false},
		{"what the scanner refuses", NewMessage([]byte("<junk")), clitest.RefusedXML, true},
	} {
		if got := tt.m.answeredBy(scan(tt.answer)); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
