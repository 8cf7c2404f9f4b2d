package frame

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
)

// TestLoginHideForms: a password is hidden in each form in which a registry may repeat it, and the
// rest of the text stays.
func TestLoginHideForms(t *testing.T) {
	for _, tt := range []struct{ password, newPassword, text, want string }{
		{"secret", "", "secret", hidden},
		{"secret", "", "no SECRET is shown", "no SECRET is shown"}, // a password has its case
		{"secret", "", "secretsecret", hidden + hidden},
		{"secret", "secret2", "secret2 after secret", hidden + " after " + hidden},
		{"secret2", "secret", "secret2 after secret", hidden + " after " + hidden},
		{"se<r&t", "", "se<r&t se&lt;r&amp;t se&#60;r", hidden + " " + hidden + " se&#60;r"},
		{"a>b", "", "a>b a&gt;b", hidden + " " + hidden},
		{" two  words ", "", "two words, two  words, twowords", hidden + ", two  words, twowords"},
		{"", "", "nothing", "nothing"},
		{"", "new", "a new one", "a " + hidden + " one"},
		{"pässwörd", "", "is pässwörd", "is " + hidden},
		{"redacted", "", "redacted", hidden},
		{"act", "", "act in fact", hidden + " in f" + hidden}, // it is a part of hidden, too
	} {
		l := Login{ClientID: "client", Password: tt.password, NewPassword: tt.newPassword}
		if got := l.Hide(tt.text); got != tt.want {
			t.Errorf("%q and %q in %q: got %q, want %q", tt.password, tt.newPassword, tt.text, got, tt.want)
		}
		if l.Password != tt.password || l.NewPassword != tt.newPassword {
			t.Errorf("Hide has changed the login to %q, %q", l.Password, l.NewPassword)
		}
	}
}

// TestLoginShown: each way to print a Login gives the same words.
func TestLoginShown(t *testing.T) {
	l := Login{ClientID: "a \"b\"\n", Password: "secret-one", NewPassword: "secret-two", ClTRID: "C-1"}
	want := `login of "a \"b\"\n", password not shown`
	for how, got := range map[string]string{
		"String": l.String(), "GoString": l.GoString(), "LogValue": l.LogValue().String(), "%v": fmt.Sprintf("%v", l), "%+v": fmt.Sprintf("%+v", &l),
		"%#v": fmt.Sprintf("%#v", l), "%s": fmt.Sprintf("%s", l), "%d": fmt.Sprintf("%d", l), "%5.2q": fmt.Sprintf("%5.2q", &l), "Sprint": fmt.Sprint(l),
		"Errorf": fmt.Errorf("%v", l).Error(),
	} {
		if got != want {
			t.Errorf("%s: got %s, want %s", how, got, want)
		}
	}
	if kind := l.LogValue().Kind(); kind != slog.KindString {
		t.Errorf("LogValue is a %v", kind)
	}
}

// TestSplitPassword: 16 characters, not octets, are the most that a login holds.
func TestSplitPassword(t *testing.T) {
	for _, tt := range []struct {
		password string
		offered  bool
		security LoginSecurity
		secured  bool
	}{
		{"", true, SecureLong, false}, {"short", true, SecureLong, false}, {strings.Repeat("x", 16), true, SecureLong, false},
		{strings.Repeat("x", 17), true, SecureLong, true}, {strings.Repeat("é", 16), true, SecureLong, false},
		{strings.Repeat("é", 17), true, SecureLong, true}, {strings.Repeat("x", 17), false, SecureLong, false},
		{strings.Repeat("\U0001F600", 16), true, SecureLong, false},
		{"short", true, SecureAlways, true}, {strings.Repeat("x", 17), true, SecureAlways, true}, {"", true, SecureAlways, false},
		{"short", false, SecureAlways, false}, {strings.Repeat("x", 17), false, SecureAlways, false},
		{"short", true, SecureNever, false}, {strings.Repeat("x", 17), true, SecureNever, false},
	} {
		l := Login{Security: tt.security}
		if tt.offered {
			l.ExtensionURIs = []string{"urn:other", loginSecURI}
		}
		plain, secured := l.split(tt.password)
		if tt.secured && (plain != loginSecStandIn || secured != tt.password) || !tt.secured && (plain != tt.password || secured != "") {
			t.Errorf("%+v: got %q and %q", tt, plain, secured)
		}
		if got, want := l.LongPasswords(), tt.offered || tt.security == SecureNever; got != want {
			t.Errorf("%+v: takes long passwords: got %v", tt, got)
		}
	}
}

// TestAppendLoginParts: what is empty is left out, or has its default; what is not is escaped.
func TestAppendLoginParts(t *testing.T) {
	const start = openEPP + `<command><login><clID>`
	for _, tt := range []struct {
		login Login
		want  string // behind start
	}{
		{Login{}, `</clID><pw></pw><options><version>1.0</version><lang>en</lang></options><svcs></svcs></login></command></epp>`},
		{Login{ClientID: "a", Password: "p", HasNewPassword: true, Version: "1.1", Language: "de", ClTRID: "C"},
			`a</clID><pw>p</pw><options><version>1.1</version><lang>de</lang></options><svcs></svcs></login><clTRID>C</clTRID></command></epp>`},
		{Login{ClientID: "<a>", Password: "&", NewPassword: ">", ObjectURIs: []string{"o&1", "o2"}, ExtensionURIs: []string{"e<1"}, ClTRID: "C&1"},
			`&lt;a&gt;</clID><pw>&amp;</pw><newPW>&gt;</newPW><options><version>1.0</version><lang>en</lang></options>` +
				`<svcs><objURI>o&amp;1</objURI><objURI>o2</objURI><svcExtension><extURI>e&lt;1</extURI></svcExtension></svcs></login>` +
				`<clTRID>C&amp;1</clTRID></command></epp>`},
		{Login{ClientID: "a", Password: strings.Repeat("p&", 9), ExtensionURIs: []string{loginSecURI}},
			`a</clID><pw>[LOGIN-SECURITY]</pw><options><version>1.0</version><lang>en</lang></options>` +
				`<svcs><svcExtension><extURI>` + loginSecURI + `</extURI></svcExtension></svcs></login>` +
				`<extension><loginSec:loginSec xmlns:loginSec="` + loginSecURI + `"><loginSec:pw>` + strings.Repeat("p&amp;", 9) +
				`</loginSec:pw></loginSec:loginSec></extension></command></epp>`},
		{Login{ClientID: "a", Password: "p", NewPassword: "n", ExtensionURIs: []string{loginSecURI}, Security: SecureAlways},
			`a</clID><pw>[LOGIN-SECURITY]</pw><newPW>[LOGIN-SECURITY]</newPW><options><version>1.0</version><lang>en</lang></options>` +
				`<svcs><svcExtension><extURI>` + loginSecURI + `</extURI></svcExtension></svcs></login>` +
				`<extension><loginSec:loginSec xmlns:loginSec="` + loginSecURI + `"><loginSec:pw>p</loginSec:pw><loginSec:newPW>n` +
				`</loginSec:newPW></loginSec:loginSec></extension></command></epp>`},
		{Login{ClientID: "a", Password: "p", NewPassword: strings.Repeat("n", 17), ExtensionURIs: []string{loginSecURI}},
			`a</clID><pw>p</pw><newPW>[LOGIN-SECURITY]</newPW><options><version>1.0</version><lang>en</lang></options>` +
				`<svcs><svcExtension><extURI>` + loginSecURI + `</extURI></svcExtension></svcs></login>` +
				`<extension><loginSec:loginSec xmlns:loginSec="` + loginSecURI + `"><loginSec:newPW>` + strings.Repeat("n", 17) +
				`</loginSec:newPW></loginSec:loginSec></extension></command></epp>`},
	} {
		unit := AppendLogin([]byte("x"), &tt.login)
		if got := string(unit[1+HeaderLen:]); got != start+tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, start+tt.want)
		}
		if n, err := Size(unit[1:], 1<<16); n != len(unit)-1 || err != nil {
			t.Errorf("size %d, %v, want %d", n, err, len(unit)-1)
		}
	}
}

// TestAppendTextSurvives: text of any kind comes back from a response as it went in, but for what XML
// does not hold.
func TestAppendTextSurvives(t *testing.T) {
	var s Scanner
	for in, want := range map[string]string{
		"plain": "plain", "a&b<c>d": "a&b<c>d", "]]>": "]]>", "&amp;": "&amp;", "é例\U0001F600": "é例\U0001F600", "\"'": "\"'",
		"\x00\x1b\uffff": "\uFFFD\uFFFD\uFFFD", "\xff": "\uFFFD", "a\rb": "a b", "a\n\tb": "a b", // collapsed when it is read
	} {
		unit := AppendResponse(nil, 2400, in, "", nil, []byte(in))
		m, err := s.Scan(unit[HeaderLen:])
		if err != nil {
			t.Errorf("%q: %v in %s", in, err, unit)
			continue
		}
		if code, text, err := ParseResult(m.Payload); code != 2400 || text != want || err != nil {
			t.Errorf("%q: got %q, want %q, %v", in, text, want, err)
		}
	}
	// A carriage return is a reference: a parser would make a line feed of the octet.
	if unit := AppendResponse(nil, 2400, "a\r\nb", "", nil, nil); !strings.Contains(string(unit), "<msg>a&#13;\nb</msg>") {
		t.Errorf("got %s", unit)
	}
}

// TestIsQuery: the commands that only read, by the words of their elements and attributes.
func TestIsQuery(t *testing.T) {
	queries := map[string]bool{
		"check": true, "info": true, "poll:req": true, "transfer:query": true,
	}
	for _, command := range []string{"check", "create", "delete", "hello", "info", "login", "logout", "poll", "renew", "transfer", "update", "undelete", ""} {
		for _, op := range []string{"", "request", "query", "approve", "reject", "cancel", "req", "ack", "QUERY", "none", "other"} {
			c, o := CommandOf([]byte(command)), OpOf([]byte(op))
			want := queries[command] || queries[command+":"+op]
			if got := IsQuery(c, o); got != want {
				t.Errorf("%s:%s: got %v, want %v", command, op, got, want)
			}
			if got := (&Message{Command: c, Op: o}).Query(nil); got != want {
				t.Errorf("message %s:%s: got %v, want %v", command, op, got, want)
			}
		}
	}
	for c := range Command(NumCommands) {
		if o := OpNone; IsQuery(c, o) != (c == CommandCheck || c == CommandInfo) {
			t.Errorf("%v without an op: got %v", c, IsQuery(c, o))
		}
	}
}

// TestWords: what String gives is what CommandOf and OpOf read, save what is no word of the RFC.
func TestWords(t *testing.T) {
	for c := range Command(NumCommands) {
		want := c
		if c == CommandNone || c == CommandExtension {
			want = CommandOther
		}
		if got := CommandOf([]byte(c.String())); got != want {
			t.Errorf("%v reads as %v", c, got)
		}
	}
	for o := OpNone; o <= OpOther; o++ {
		want := o
		if o == OpNone {
			want = OpOther
		}
		if got := OpOf([]byte(o.String())); got != want {
			t.Errorf("%v reads as %v", o, got)
		}
	}
	for _, word := range []string{"", "Check", "check ", "checks", "CHECK", "req ", "Req"} {
		if c, o := CommandOf([]byte(word)), OpOf([]byte(word)); c != CommandOther || o != OpOther {
			t.Errorf("%q reads as %v and %v", word, c, o)
		}
	}
	for i := range 256 {
		c, o, k := Command(i).String(), Op(i).String(), Kind(i).String()
		if c == "" || o == "" || k == "" || i >= NumCommands && c != strconv.Itoa(i) {
			t.Errorf("%d: got %q, %q, %q", i, c, o, k)
		}
	}
}
