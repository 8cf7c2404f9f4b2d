package proxy

import (
	"strings"
	"testing"
	"unicode/utf8"

	"eppmux/frame"
)

// inEncoding is a check that declares an encoding, of which name is a name in its octets.
func inEncoding(encoding, name, clTRID string) string {
	return strings.Replace(check(name, clTRID), "UTF-8", encoding, 1)
}

// undeclared is what goes on of a check whose octets were not UTF-8.
func undeclared(name, clTRID string) string {
	return strings.Replace(check(name, clTRID), ` encoding="UTF-8"`, "", 1)
}

// TestEncodingsThrough: what the registry gets, and what the client gets back.
func TestEncodingsThrough(t *testing.T) {
	tests := []struct {
		name, sent, want, id string
	}{
		{"US-ASCII", inEncoding("US-ASCII", "zoe.example", "Z-1"), inEncoding("US-ASCII", "zoe.example", "Z-1"), "Z-1"},
		{"utf8", inEncoding("utf8", "zoë.example", "Zoë"), inEncoding("utf8", "zoë.example", "Zoë"), "Zoë"},
		{"Latin-1 with ASCII alone", inEncoding("ISO-8859-1", "zoe.example", "Z-1"), inEncoding("ISO-8859-1", "zoe.example", "Z-1"), "Z-1"},
		{"Latin-1 with a reference", inEncoding("ISO-8859-1", "zo&#235;.example", "Zo&#235;"), inEncoding("ISO-8859-1", "zo&#235;.example", "Zo&#235;"), "Zo&#235;"},
		{"Latin-1", inEncoding("ISO-8859-1", "zo\xEB.example", "Zo\xEB"), undeclared("zoë.example", "Zoë"), "Zoë"},
		{"Latin-9", inEncoding("iso-8859-15", "\xA4.example", "\xA4"), undeclared("€.example", "€"), "€"},
		{"Windows", inEncoding("windows-1252", "\x80.example", "\x93\x94"), undeclared("€.example", "“”"), "“”"},
		{"Windows, Cyrillic", inEncoding("cp1251", "\xEF.example", ""), undeclared("п.example", ""), ""},
		{"KOI8", inEncoding("KOI8-R", "\xD0.example", "K-1"), undeclared("п.example", "K-1"), "K-1"},
		{"US-ASCII that is UTF-8", inEncoding("us-ascii", "zoë.example", "Zoë"), undeclared("zoë.example", "Zoë"), "Zoë"},
	}
	f, r := startEcho(t, nil)
	p := f.dial()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := p.ask(tt.sent)
			p.want(answer, 1000, tt.id)
			if err := unchanged([]byte(tt.want), r.take(), answer); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEncodingsRefused: 2001 says why, and nothing is sent.
func TestEncodingsRefused(t *testing.T) {
	latin := inEncoding("ISO-8859-1", "zo\xEB.example", "Z-1")
	beyond := frame.OctetBeyondASCII.String()
	tests := []struct {
		name   string
		set    Encodings
		sent   string
		reason string
	}{
		{"no character", EncodingsAccept, inEncoding("windows-1252", "\x81.example", "Z-1"), frame.BadOctet.String()},
		{"not known beyond ASCII", EncodingsAccept, inEncoding("TIS-620", "\xA1.example", "Z-1"), beyond},
		{"more than one octet", EncodingsAccept, inEncoding("Shift_JIS", "\x83\x5C.example", "Z-1"), frame.BadEncoding.String()},
		{"more than one octet, with ASCII alone", EncodingsAccept, inEncoding("GB18030", "zoe.example", "Z-1"), frame.BadEncoding.String()},
		{"with states", EncodingsAccept, inEncoding("ISO-2022-JP", "zoe.example", "Z-1"), frame.BadEncoding.String()},
		{"markup hidden in UTF-7", EncodingsAccept, inEncoding("UTF-7", "+ADw-x+AD4-.example", "Z-1"), frame.BadEncoding.String()},
		{"EBCDIC", EncodingsAccept, inEncoding("IBM037", "zoe.example", "Z-1"), frame.BadEncoding.String()},
		{"UTF-16 that is not", EncodingsAccept, inEncoding("UTF-16", "zoe.example", "Z-1"), frame.WrongEncoding.String()},
		{"Latin-1 undeclared", EncodingsAccept, undeclared("zo\xEB.example", "Z-1"), frame.BadUTF8.String()},
		{"switched off", EncodingsRefuse, latin, beyond},
	}
	for _, set := range []Encodings{EncodingsAccept, EncodingsRefuse} {
		f, r := startEcho(t, func(c *config) { c.Encodings = set })
		for _, tt := range tests {
			if tt.set != set {
				continue
			}
			t.Run(tt.name, func(t *testing.T) {
				p := f.dial()
				answer := p.ask(tt.sent)
				p.want(answer, 2001, "")
				if got := r.take(); !strings.Contains(answer, tt.reason) || len(got) > 0 {
					t.Errorf("got %s and %q at the registry, want %q", answer, got, tt.reason)
				}
				p.want(p.ask(inEncoding("ISO-8859-1", "zoe.example", "Z-2")), 1000, "Z-2") // ASCII passes all the same
				r.take()
			})
		}
	}
}

// TestEncodingsReload: the setting is what the last reload says.
func TestEncodingsReload(t *testing.T) {
	var cfg config
	f, _ := startEcho(t, func(c *config) { cfg = *c })
	p := f.dial()
	latin := inEncoding("ISO-8859-1", "zo\xEB.example", "Z-1")
	for i, set := range []Encodings{EncodingsAccept, EncodingsRefuse, EncodingsAccept} {
		cfg.Encodings = set
		if err := f.server.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		answer := p.ask(latin)
		if want := []int{1000, 2001}[set]; want == 1000 {
			p.want(answer, want, "Z-1")
		} else {
			p.want(answer, want, "")
		}
		if t.Failed() {
			t.Fatalf("reload %d", i)
		}
	}
}

// TestEncodingsBound: max_frame holds for the octets that came and for those that go on.
func TestEncodingsBound(t *testing.T) {
	f, r := startEcho(t, func(c *config) { c.MaxFrame = 2000 })
	p := f.dial()
	euros := func(n int) string { return inEncoding("windows-1252", strings.Repeat("\x80", n), "E-1") }
	front := len(undeclared("", "E-1"))
	fits := (2000 - front) / len("€")
	p.want(p.ask(euros(fits)), 1000, "E-1")
	if got := r.take(); len(got) != 1 || !strings.Contains(string(got[0]), strings.Repeat("€", fits)) {
		t.Errorf("got %q", got)
	}
	answer := p.ask(euros(fits + 1))
	p.want(answer, 2001, "E-1")
	if got := r.take(); len(got) > 0 || !strings.Contains(answer, errLongAsUTF8.Error()) {
		t.Errorf("got %s and %q at the registry", answer, got)
	}
	wide := []byte{0xfe, 0xff}
	for _, c := range undeclared(strings.Repeat("例", fits+1), "E-1") {
		wide = append(wide, byte(c>>8), byte(c))
	}
	p.want(p.ask(string(wide)), 2001, "E-1") // UTF-16 too
	p.want(p.ask(check("example.com", "E-2")), 1000, "E-2")
}

// TestEncodingsOfAnswers: an answer is passed as it is, under any name of an encoding that extends
// ASCII. Where a client's own clTRID does not go into that encoding, the answer declares it no more.
func TestEncodingsOfAnswers(t *testing.T) {
	f, r := startEcho(t, nil)
	p := f.dial()
	for _, name := range []string{"US-ASCII", "ascii", "ISO-8859-1", "latin1", "windows-1252", "utf8", "Iso-8859-15"} {
		declared := func(answer string) string { return strings.Replace(answer, "UTF-8", name, 1) }
		r.answerWith(func(payload, id []byte) string { return declared(echoAnswer(payload, id)) })
		if got, want := p.ask(check("example.com", "A-1")), declared(echoAnswer(nil, []byte("A-1"))); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		want := strings.Replace(echoAnswer(nil, []byte("Zoë")), ` encoding="UTF-8"`, "", 1)
		if name == "utf8" {
			want = declared(echoAnswer(nil, []byte("Zoë")))
		}
		if got := p.ask(check("example.com", "Zoë")); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	r.answerWith(func(payload, id []byte) string {
		return strings.NewReplacer("UTF-8", "US-ASCII", ">ok<", ">ël<").Replace(echoAnswer(payload, id))
	})
	answer := p.ask(check("example.com", "A-2"))
	p.want(answer, 1000, "A-2")
	if !strings.Contains(answer, "ël") || strings.Contains(answer, "ASCII") {
		t.Errorf("got %s", answer)
	}
}

// TestEncodingsOfGreetings: a registry that greets under such a name is served.
func TestEncodingsOfGreetings(t *testing.T) {
	for _, name := range []string{"US-ASCII", "utf8", "ISO-8859-1"} {
		r := newEchoRegistry(t)
		r.mu.Lock()
		r.encoding = name
		r.mu.Unlock()
		f, _ := startBefore(t, r, nil)
		p := f.dial()
		p.want(p.ask(check("example.com", "G-1")), 1000, "G-1")
		if g := p.ask(eppOpen + "<hello/></epp>"); !strings.Contains(g, `encoding="`+name+`"`) {
			t.Errorf("got %s", g)
		}
	}
}

// TestCharset: whatever golang.org/x/text has by such names, only what extends ASCII is taken.
func TestCharset(t *testing.T) {
	for name, want := range map[string]rune{"iso-8859-1": 'ë', "windows-1252": 'ë', "iso-8859-5": 'ы', "koi8-r": 'К', "ibm850": 'Ù'} {
		if set := charset(name); set == nil || set[0xEB-utf8.RuneSelf] != want {
			t.Errorf("%s: got %v, want %q", name, set, want)
		}
	}
	for _, name := range []string{"", "x", "us-ascii", "utf-8", "utf-16", "utf-7", "shift_jis", "euc-jp", "gb18030", "big5", "iso-2022-jp", "hz-gb-2312",
		"ibm037", "ibm1047", "ibm01140", "iso-8859-8-i", "iso-8859-12", "tis-620"} {
		if charset(name) != nil {
			t.Errorf("%q is taken", name)
		}
	}
	if set := charset("windows-1252"); set[0x81-utf8.RuneSelf] != utf8.RuneError {
		t.Errorf("octet 81 of windows-1252 is %q", set[1])
	}
	if set := charset("iso-8859-2"); set[0x85-utf8.RuneSelf] != '\u0085' {
		t.Errorf("octet 85 of iso-8859-2 is %q", set[5])
	}
}
