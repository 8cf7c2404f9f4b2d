package frame

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// scanUnit scans a data unit of ours.
func scanUnit(t *testing.T, unit []byte) *Message {
	t.Helper()
	n, err := Size(unit, len(unit))
	if n != len(unit) || err != nil {
		t.Fatalf("size %d %v, want %d", n, err, len(unit))
	}
	m, err := NewScanner().Scan(unit[HeaderLen:])
	if err != nil {
		t.Fatalf("%v\n%s", err, unit)
	}
	return m
}

func TestAppendMessages(t *testing.T) {
	tests := []struct {
		unit    []byte
		kind    Kind
		command Command
		op      Op
		clTRID  string
	}{
		{AppendHello(nil), KindHello, CommandHello, OpNone, ""},
		{Root{}.AppendLogout(nil, []byte("M-0001")), KindCommand, CommandLogout, OpNone, "M-0001"},
		{Root{}.AppendLogout(nil, nil), KindCommand, CommandLogout, OpNone, ""},
		{Root{}.AppendPoll(nil, []byte("M-0002")), KindCommand, CommandPoll, OpReq, "M-0002"},
		{Root{}.AppendPoll(nil, []byte("a<&>b")), KindCommand, CommandPoll, OpReq, "a<&>b"},
	}
	var payloads [][]byte
	for _, tt := range tests {
		m := scanUnit(t, tt.unit)
		if m.Kind != tt.kind || m.Command != tt.command || m.Op != tt.op || string(m.ClTRID.Value) != tt.clTRID {
			t.Errorf("%s: got %v %v %v %q", tt.unit, m.Kind, m.Command, m.Op, m.ClTRID.Value)
		}
		payloads = append(payloads, tt.unit[HeaderLen:])
	}
	wantWritten(t, "messages", payloads...)
}

func TestAppendKeepsFront(t *testing.T) {
	unit := Root{}.AppendPoll(AppendHello([]byte("front")), []byte("M-1"))
	hello := AppendHello(nil)
	if want := "front" + string(hello) + string(Root{}.AppendPoll(nil, []byte("M-1"))); string(unit) != want {
		t.Errorf("got %q, want %q", unit, want)
	}
}

func TestAppendResponse(t *testing.T) {
	raw := []byte(" A&amp;B<![CDATA[<]]> ")
	tests := []struct {
		code        int
		msg, reason string
		raw         []byte
		text, value string
	}{
		{2400, "Command failed", "not sent to registry", raw, "Command failed; not sent to registry", "A&B<"},
		{1500, "Command completed successfully; ending session", "", nil, "Command completed successfully; ending session", ""},
		{2001, "a<b>&\"'", "\x00\xFF\uFFFE]]>é", []byte("ABC-1"), "a<b>&\"'; \uFFFD\uFFFD\uFFFD]]>é", "ABC-1"},
	}
	var payloads [][]byte
	for _, tt := range tests {
		unit := AppendResponse(nil, tt.code, tt.msg, tt.reason, tt.raw, []byte("eppmux-1"))
		m := scanUnit(t, unit)
		if m.Kind != KindResponse || m.Code != tt.code || string(m.ClTRID.Value) != tt.value {
			t.Errorf("%s: got %v %d %q", unit, m.Kind, m.Code, m.ClTRID.Value)
		}
		if got := string(m.Payload[m.SvTRID.Start:m.SvTRID.End]); got != "eppmux-1" {
			t.Errorf("svTRID %q", got)
		}
		if code, text, err := ParseResult(m.Payload); code != tt.code || text != tt.text || err != nil {
			t.Errorf("got %d %q %v, want %d %q", code, text, err, tt.code, tt.text)
		}
		payloads = append(payloads, unit[HeaderLen:])
	}
	wantWritten(t, "responses", payloads...)
}

func TestAppendLogin(t *testing.T) {
	const short, long = "p<w&&\"'>", "a password of more than 16 characters & <more>"
	objects := []string{"urn:ietf:params:xml:ns:domain-1.0", "urn:ietf:params:xml:ns:contact-1.0"}
	tests := []struct {
		name  string
		login Login
		long  bool
	}{
		{"plain", Login{ClientID: "ClientX", Password: short, ObjectURIs: objects, ClTRID: "M-0001"}, false},
		{"new", Login{ClientID: "ClientX", Password: short, NewPassword: "another1", Version: "1.0", Language: "fr", ObjectURIs: objects,
			ExtensionURIs: []string{"urn:ietf:params:xml:ns:secDNS-1.1"}}, false},
		{"long", Login{ClientID: "ClientX", Password: long, ObjectURIs: objects, ExtensionURIs: []string{loginSecURI}, ClTRID: "M-0001"}, true},
		{"long new", Login{ClientID: "ClientX", Password: short, NewPassword: long, ObjectURIs: objects, ExtensionURIs: []string{loginSecURI}}, true},
		{"both long", Login{ClientID: "ClientX", Password: long, NewPassword: long + "2", ObjectURIs: objects, ExtensionURIs: []string{loginSecURI}}, true},
	}
	var payloads [][]byte
	for _, tt := range tests {
		unit := AppendLogin(nil, &tt.login)
		m := scanUnit(t, unit)
		if m.Command != CommandLogin || string(m.ClTRID.Value) != tt.login.ClTRID {
			t.Errorf("%s: got %v %q", tt.name, m.Command, m.ClTRID.Value)
		}
		if got := strings.Contains(string(unit), loginSecStandIn); got != tt.long {
			t.Errorf("%s: login security %v, want %v", tt.name, got, tt.long)
		}
		want := tt.login
		want.Version, want.Language = "1.0", orElse(want.Language, "en")
		want.HasNewPassword = want.NewPassword != ""
		got, err := ParseLogin(m.Payload)
		if err != nil || !sameLogin(got, want) {
			t.Errorf("%s: read back: %v\n%s", tt.name, err, unit)
		}
		payloads = append(payloads, unit[HeaderLen:])
	}
	wantWritten(t, "logins", payloads...)
}

// sameLogin compares field by field, since nothing prints a Login's.
func sameLogin(a, b Login) bool {
	return a.ClientID == b.ClientID && a.Password == b.Password && a.NewPassword == b.NewPassword &&
		a.HasNewPassword == b.HasNewPassword && a.Version == b.Version && a.Language == b.Language && a.ClTRID == b.ClTRID &&
		strings.Join(a.ObjectURIs, " ") == strings.Join(b.ObjectURIs, " ") &&
		strings.Join(a.ExtensionURIs, " ") == strings.Join(b.ExtensionURIs, " ")
}

func TestAppendLoginLongWithoutExtension(t *testing.T) {
	const long = "a password of more than 16 characters"
	unit := AppendLogin(nil, &Login{ClientID: "ClientX", Password: long})
	if !strings.Contains(string(unit), "<pw>"+long+"</pw>") {
		t.Errorf("got %s", unit)
	}
}

func TestLoginShowsNoPassword(t *testing.T) {
	l := Login{ClientID: "ClientX", Password: "secret-one", NewPassword: "secret-two"}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
		fmt.Fprintf(&shown, verb+verb, l, &l)
	}
	fmt.Fprintf(&shown, "%v", struct{ L *Login }{&l})
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "login", l, "pointer", &l)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "login", l, "nested", []Login{l})
	data, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	shown.Write(data)
	for _, secret := range []string{l.Password, l.NewPassword, fmt.Sprintf("%x", l.Password)} {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("shows %q: %s", secret, shown.String())
		}
	}
	if !strings.Contains(shown.String(), "ClientX") {
		t.Errorf("does not name the account: %s", shown.String())
	}
}

// TestLoginHide: what a registry may make of a password, and what it must not be cut into.
func TestLoginHide(t *testing.T) {
	l := Login{ClientID: "demo", Password: "old  \"ä", NewPassword: "old  \"ä and more"}
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"demo: wrong password", "demo: wrong password"},
		{`wrong: old  "ä!`, "wrong: [redacted]!"},
		{`wrong: old "ä, not old "ä and more`, "wrong: [redacted], not [redacted]"},
		{`old  "ä and moreold  "ä`, "[redacted][redacted]"},
	} {
		if got := l.Hide(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
	l = Login{Password: "a&b<c"}
	if got := l.Hide("<pw>a&amp;b&lt;c</pw> for a&b<c"); got != "<pw>[redacted]</pw> for [redacted]" {
		t.Errorf("escaped: got %q", got)
	}
	if got := (&Login{}).Hide("as it is"); got != "as it is" {
		t.Errorf("no password: got %q", got)
	}
}
