package audit

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"eppmux/frame"
)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

// TestLine holds lines whole: the keys, their order and their forms are what other programs read.
func TestLine(t *testing.T) {
	e := &Entry{
		Time: at("2026-03-01T12:00:00.1234567+01:00"), Event: End, Registry: "r", Listener: "tcp://127.0.0.1:7000", Client: "127.0.0.1:5000",
		Session: 3, Command: "create", ClTRID: []byte("A&amp;B"), MuxTRID: []byte("M1"), Payload: []byte(createXML("a.example", "secret-1")),
		End: "answered", Code: 1001, Answer: []byte(answerXML(1001, "It is\n pending")), SvTRID: []byte("S-1"), Orphan: true, Wait: 1500 * time.Millisecond, RTT: 1234 * time.Nanosecond,
	}
	front := `{"time":"2026-03-01T11:00:00.123456Z","event":"end","registry":"r","listener":"tcp://127.0.0.1:7000","client":"127.0.0.1:5000",` +
		`"session":3,"command":"create","object":"domain","names":["a.example"],"cltrid":"A&B","muxtrid":"M1","svtrid":"S-1","code":1001,` +
		`"message":"It is pending","end":"answered","orphan":true,"wait":1.5,"rtt":0.000001`
	if got, want := string(newRenderer(false).append(nil, e)), front+"}\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	want := front + `,"frame":"<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command><create><d:create xmlns:d=\"urn:ietf:params:xml:ns:domain-1.0\">` +
		`<d:name>a.example</d:name><d:authInfo>***</d:authInfo></d:create></create><clTRID>M</clTRID></command></epp>",` +
		`"answer":"<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response><result code=\"1001\"><msg>It is\n pending</msg></result>` +
		`<trID><clTRID>C</clTRID><svTRID>S-1</svTRID></trID></response></epp>"}` + "\n"
	if got := string(newRenderer(true).append(nil, e)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	e = &Entry{Time: at("2026-03-01T12:00:00Z"), Event: Sending, Registry: "r", Command: "poll", Op: "ack", MuxTRID: []byte("M2"),
		Payload: []byte(headXML + `<command><poll op="ack" msgID="77"/><clTRID>M2</clTRID></command></epp>`)}
	want = `{"time":"2026-03-01T12:00:00.000000Z","event":"sending","registry":"r","command":"poll","op":"ack","names":["77"],"muxtrid":"M2"}` + "\n"
	if got := string(newRenderer(false).append(nil, e)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var l Line
	if err := json.Unmarshal([]byte(want), &l); err != nil || !l.Time.Equal(e.Time) {
		t.Errorf("read back: %v, %+v", err, l)
	}
}

// hostile are texts that could break a line or a terminal (faults.md row T17).
var hostile = []string{
	"a\n{\"event\":\"end\"}", "a\r\nb", "\x1b[2J\x1b]0;x\x07", "\u009b2J", "\u202eexample", "\u2028\u2029", "\x00\x7f\x08", "\xff\xfe\xc3", `"},{"`, `\u001b`,
	"\U000e0001", strings.Repeat("x", 5000),
}

// TestNothingBreaksALine: each entry is one line of JSON, made of characters that show.
func TestNothingBreaksALine(t *testing.T) {
	r := newRenderer(true)
	for _, h := range hostile {
		e := &Entry{Time: time.Now(), Event: End, Registry: h, Listener: h, Client: h, Command: h, Op: h, ClTRID: []byte(h), MuxTRID: []byte(h), End: h, Cause: h,
			Payload: []byte(createXML(h, h)), Answer: []byte(answerXML(2306, h)), Code: 2306}
		line := string(r.append(nil, e))
		text, newline := strings.CutSuffix(line, "\n")
		if !newline || strings.IndexFunc(text, func(c rune) bool {
			return !unicode.IsPrint(c) || c == unicode.ReplacementChar && strings.ContainsRune(h, c)
		}) >= 0 {
			t.Errorf("%q: got %q", h, line)
		}
		var l Line
		if err := json.Unmarshal([]byte(text), &l); err != nil || utf8.ValidString(h) && l.Registry != h {
			t.Errorf("%q: got %v, %q", h, err, l.Registry)
		}
		if v := Visible(h); strings.IndexFunc(v, func(c rune) bool { return !unicode.IsPrint(c) }) >= 0 {
			t.Errorf("%q is not visible: %q", h, v)
		}
	}
	// As XML allows them in a name.
	name := "\u009b2J&#x9b;\u202e.example\n"
	var l Line
	line := r.append(nil, &Entry{Time: time.Now(), Payload: []byte(createXML(name, "x"))})
	if err := json.Unmarshal(line, &l); err != nil || len(l.Names) != 1 || l.Names[0] != "\u009b2J\u009b\u202e.example" {
		t.Errorf("got %v, %q from %s", err, l.Names, line)
	}
}

// TestBounds: however much a command or an answer says, its line does not.
func TestBounds(t *testing.T) {
	var names strings.Builder
	for range 1000 {
		names.WriteString("<d:name>a.example</d:name>")
	}
	e := &Entry{Time: time.Now(), Payload: []byte(headXML + `<command><check><d:check xmlns:d="urn:x:` + strings.Repeat("y", 2000) + `">` + names.String() +
		strings.Repeat("<d:x>long</d:x>", 30000) + `</d:check></check></command></epp>`),
		Answer: []byte(answerXML(2400, strings.Repeat("é", 2000))), Code: 2400, ClTRID: []byte(strings.Repeat("z", 5000))}
	var l Line
	line := newRenderer(true).append(nil, e)
	if err := json.Unmarshal(line, &l); err != nil {
		t.Fatal(err)
	}
	if len(l.Names) != maxNames || l.Left != 1000-maxNames || len(l.Message) > maxText+3 || strings.ContainsRune(l.Message, '\ufffd') ||
		len(l.Object) > maxText+3 || len(l.Frame) != maxPayload+3 || len(line) > maxPayload+20000 {
		t.Errorf("got %d names, %d left, %d octets of a message, %d of the frame, %d in all", len(l.Names), l.Left, len(l.Message), len(l.Frame), len(line))
	}
}

func TestObjectOf(t *testing.T) {
	for uri, want := range map[string]string{
		domainURI:                                 "domain",
		"urn:X-ar:params:xml:ns:registrant-1.0":   "registrant",
		"http://www.nic.example/xml/epp/list-1.2": "list",
		"urn:ietf:params:xml:ns:epp-1.0:":         "urn:ietf:params:xml:ns:epp-1.0:",
		"bare":                                    "bare",
		"urn:a-b":                                 "a-b",
		"":                                        "",
	} {
		if got := string(objectOf([]byte(uri))); got != want {
			t.Errorf("%q: got %q, want %q", uri, got, want)
		}
	}
}

// TestMessageHidesSecrets: a registry that repeats a password in its words does not make us keep
// it.
func TestMessageHidesSecrets(t *testing.T) {
	for _, frames := range []bool{false, true} {
		e := &Entry{Time: time.Now(), Event: End, Code: 2306, Payload: []byte(createXML("a.example", "ca&amp;nary")),
			Answer: []byte(answerXML(2306, "password ca&amp;nary is too weak"))}
		line := string(newRenderer(frames).append(nil, e))
		if strings.Contains(line, "nary") || !strings.Contains(line, "password *** is too weak") {
			t.Errorf("got %s", line)
		}
		e.Payload, e.Answer = []byte(createXML("a.example", "a  ca\n nary")), []byte(answerXML(2306, "not 'a ca nary'"))
		if line := string(newRenderer(frames).append(nil, e)); strings.Contains(line, "ca nary") || !strings.Contains(line, "not '***'") {
			t.Errorf("white space: got %s", line)
		}
	}
}

// TestRepeatsAreHidden: however a secret is written where it is one, and where it is repeated; of
// success too.
func TestRepeatsAreHidden(t *testing.T) {
	for _, tt := range []struct{ secret, repeated, parts string }{
		{`ca&amp;"nary`, `ca&amp;"nary`, "nary"},
		{`ca&gt;"nary`, `ca>&quot;nary`, "nary"},
		{`cacanary`, `&#99;a&#x63;anary`, "nary"},
		{`ca<![CDATA[can]]>ary`, `cacanary`, "can ary"},
		{`caca<!-- -->nary`, `cacanary`, "caca nary"},
		{`cacanary`, `ca<![CDATA[can]]>a<!-- -->ry`, "can ary"},
		{`ca  canary`, "ca\r\n canary", "nary"},
	} {
		for _, code := range []int{1000, 2306} {
			for _, frames := range []bool{false, true} {
				e := &Entry{Time: time.Now(), Event: End, Code: code, Payload: []byte(createXML("x.example", tt.secret)),
					Answer: []byte(answerXML(code, "is "+tt.repeated+" now"))}
				line := string(newRenderer(frames).append(nil, e))
				for _, part := range strings.Fields(tt.parts) {
					if strings.Contains(line, part) || !strings.Contains(line, `"message":"is *** now"`) {
						t.Errorf("%s repeated as %q, code %d, frames %v: got %s", tt.secret, tt.repeated, code, frames, line)
					}
				}
			}
		}
	}
	e := &Entry{Time: time.Now(), Event: End, Code: 2306, Payload: []byte(createXML("x.example", `cana"ry`)),
		Answer: []byte(strings.Replace(answerXML(2306, "no"), "<msg>", `<msg lang="cana&#34;ry">`, 1))}
	if line := string(newRenderer(true).append(nil, e)); strings.Contains(line, "ry") && strings.Contains(line, "cana") {
		t.Errorf("attribute: got %s", line)
	}
}

// TestUnreadable: what cannot be read is not shown, and is recorded all the same.
func TestUnreadable(t *testing.T) {
	e := &Entry{Time: time.Now(), MuxTRID: []byte("M1"), Payload: []byte("<epp><pw>canary"), Answer: []byte("<pw>canary</pw>")}
	line := string(newRenderer(true).append(nil, e))
	if strings.Contains(line, "canary") || strings.Count(line, unreadable) != 2 || !strings.Contains(line, `"muxtrid":"M1"`) {
		t.Errorf("got %s", line)
	}
}

// TestQueryAgrees: what is a query for the log is one for the proxy.
func TestQueryAgrees(t *testing.T) {
	for c := frame.CommandNone; int(c) < frame.NumCommands; c++ {
		for op := frame.OpNone; op <= frame.OpOther; op++ {
			l := Line{Command: c.String(), Op: op.String()}
			if m := (&frame.Message{Command: c, Op: op}); m.Query(nil) != l.query() {
				t.Errorf("%v %v: got %v", c, op, l.query())
			}
		}
	}
}

// TestUsualTextHidesNothing: the text that RFC 5730 gives a code of success is shown as it is, even if
// a password is a word of it; in any other text such a word is hidden.
func TestUsualTextHidesNothing(t *testing.T) {
	for _, tt := range []struct {
		code                 int
		password, text, want string
	}{
		{1000, "completed", "Command completed successfully", "Command completed successfully"},
		{1301, "dequeue", "Command completed successfully; ack to dequeue", "Command completed successfully; ack to dequeue"},
		{1000, "dequeue", "Command completed successfully; ack to dequeue", "Command completed successfully; ack to ***"},
		{1000, "completed", "Command completed", "Command ***"},
		{1599, "completed", "Command completed successfully", "Command *** successfully"}, // no code of the RFC
		{2400, "failed", "Command failed", "Command ***"},
		{2201, "Authorization", "Authorization error", "*** error"},
		{2303, "other", "Object does not exist", "Object does not exist"},
	} {
		e := ended("M1", "answered", tt.code)
		e.Payload, e.Answer = []byte(createXML("a.example", tt.password)), []byte(answerXML(tt.code, tt.text))
		var l Line
		if err := json.Unmarshal(newRenderer(false).append(nil, e), &l); err != nil || l.Message != tt.want {
			t.Errorf("%d %q with %q: got %q, %v, want %q", tt.code, tt.text, tt.password, l.Message, err, tt.want)
		}
	}
}
