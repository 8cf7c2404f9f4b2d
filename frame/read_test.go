package frame

import (
	"encoding/xml"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseLogin(t *testing.T) {
	login := func(inside, behind string) string { return inCommand(`<login>` + inside + `</login>` + behind) }
	const sec = `<s:loginSec xmlns:s="urn:ietf:params:xml:ns:epp:loginSec-1.0">`
	tests := []struct {
		doc  string
		want Login
	}{
		{login(`<clID> a </clID><pw>b</pw><options><version>1.0</version><lang>en</lang></options><svcs><objURI>o1</objURI><objURI>o2</objURI>
<svcExtension><extURI>e</extURI></svcExtension></svcs>`, `<clTRID>c</clTRID>`),
			Login{ClientID: "a", Password: "b", Version: "1.0", Language: "en", ObjectURIs: []string{"o1", "o2"}, ExtensionURIs: []string{"e"}, ClTRID: "c"}},
		{login(`<clID>a</clID><newPW>n</newPW>`, ``), Login{ClientID: "a", HasNewPassword: true, NewPassword: "n"}},
		{login(`<newPW/>`, ``), Login{HasNewPassword: true}},
		{login(`<!--<newPW>n</newPW>--><clID><![CDATA[<newPW>]]></clID>`, ``), Login{ClientID: "<newPW>"}},
		{login(`<pw>[LOGIN-SECURITY]</pw>`, `<extension>`+sec+`<s:pw>long</s:pw></s:loginSec></extension>`), Login{Password: "long"}},
		{login(`<pw>short</pw>`, `<extension>`+sec+`<s:newPW>long</s:newPW></s:loginSec></extension>`),
			Login{Password: "short", HasNewPassword: true, NewPassword: "long"}},
		{login(``, ``), Login{}},
		{`<q:epp xmlns:q="u"><q:command><q:login><q:clID>a</q:clID></q:login></q:command></q:epp>`, Login{ClientID: "a"}},
	}
	for _, tt := range tests {
		if _, err := NewScanner().Scan([]byte(tt.doc)); err != nil {
			t.Errorf("%s: %v", tt.doc, err)
		}
		got, err := ParseLogin([]byte(tt.doc))
		if err != nil || !sameLogin(got, tt.want) {
			t.Errorf("%s: got %v %v", tt.doc, got, err)
		}
	}
	for _, doc := range []string{inHello(``), inCommand(obj), `<epp`} {
		if _, err := ParseLogin([]byte(doc)); err == nil {
			t.Errorf("%s: no error", doc)
		}
	}
}

func TestParseGreeting(t *testing.T) {
	doc := inEPP(`<greeting><svID> a  registry </svID><svDate>x</svDate><svcMenu><version>1.0</version><lang>en</lang><lang>fr</lang>
<objURI>o1</objURI><objURI>o2</objURI><svcExtension><extURI>e1</extURI><extURI>e2</extURI></svcExtension></svcMenu></greeting>`)
	g, err := ParseGreeting([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if g.ServerID != "a registry" || !slices.Equal(g.Versions, []string{"1.0"}) || !slices.Equal(g.Languages, []string{"en", "fr"}) ||
		!slices.Equal(g.ObjectURIs, []string{"o1", "o2"}) || !slices.Equal(g.ExtensionURIs, []string{"e1", "e2"}) {
		t.Errorf("got %+v", g)
	}
	for _, doc := range []string{inHello(``), `<epp`} {
		if _, err := ParseGreeting([]byte(doc)); err == nil {
			t.Errorf("%s: no error", doc)
		}
	}
}

func TestParseResult(t *testing.T) {
	doc := inEPP(`<response><result code="1301"><msg lang="en"> two
 words</msg></result><result code="2000"><msg>x</msg></result></response>`)
	if code, msg, err := ParseResult([]byte(doc)); code != 1301 || msg != "two words" || err != nil {
		t.Errorf("got %d %q %v", code, msg, err)
	}
	for _, doc := range []string{inHello(``), `<epp`, inEPP(`<response><result code="x"/></response>`)} {
		if _, _, err := ParseResult([]byte(doc)); err == nil {
			t.Errorf("%s: no error", doc)
		}
	}
}

// TestParseCorpus reads every login, greeting and result of the corpus.
func TestParseCorpus(t *testing.T) {
	var s Scanner
	for _, r := range readTable(t, "MANIFEST.tsv") {
		m, err := s.Scan(readCorpus(t, r["path"]))
		if err != nil {
			continue
		}
		switch {
		case m.Command == CommandLogin:
			if l, err := ParseLogin(m.Payload); err != nil || l.ClTRID != string(m.ClTRID.Value) {
				t.Errorf("%s: %v %v", r["path"], l, err)
			}
		case m.Kind == KindGreeting:
			if _, err := ParseGreeting(m.Payload); err != nil {
				t.Errorf("%s: %v", r["path"], err)
			}
		case m.Kind == KindResponse:
			if code, _, err := ParseResult(m.Payload); err != nil || code != m.Code {
				t.Errorf("%s: got %d %v, want %d", r["path"], code, err, m.Code)
			}
		}
	}
	for file, want := range map[string]bool{
		"cmd-login-newpw.xml": true, "cmd-login-newpw-empty.xml": true,
		"cmd-login-newpw-comment.xml": false, "cmd-login-newpw-nested.xml": false,
	} {
		l, err := ParseLogin(readCorpus(t, filepath.Join("hostile", file)))
		if err != nil || l.HasNewPassword != want {
			t.Errorf("%s: got %v %v, want %v", file, l.HasNewPassword, err, want)
		}
	}
}

// TestParseFaults: the error says what was looked for, and why it was not found.
func TestParseFaults(t *testing.T) {
	for _, tt := range []struct{ doc, login, greeting, result string }{
		{inHello(``), "login: no such element", "greeting: no such element", "result: no such element"},
		{inCommand(`<logout/>`), "login: no such element", "greeting: no such element", "result: no such element"},
		{inEPP(`<login/><response/>`), "login: no such element", "greeting: no such element", "result: no such element"},
		{inEPP(`<x><greeting/><command><login/></command></x>`), "login: no such element", "greeting: no such element", "result: no such element"},
		{inEPP(`<response><result code="1x00"/></response>`), "login: no such element", "greeting: no such element", "no number in it"},
		{inEPP(`<response><result code=""/></response>`), "login: no such element", "greeting: no such element", "no number in it"},
		{`<epp><greeting><svID>x</svID></epp>`, "login: XML syntax error", "greeting: XML syntax error", "result: no such element"},
		{`<epp><command><login>`, "login: XML syntax error", "greeting: XML syntax error", "result: no such element"},
		{``, "login: EOF", "greeting: EOF", "result: no such element"},
	} {
		_, login := ParseLogin([]byte(tt.doc))
		_, greeting := ParseGreeting([]byte(tt.doc))
		_, _, result := ParseResult([]byte(tt.doc))
		for want, err := range map[string]error{tt.login: login, tt.greeting: greeting, tt.result: result} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", tt.doc, err, want)
			}
		}
		var syntax *xml.SyntaxError
		if strings.Contains(tt.greeting, "syntax") && !errors.As(greeting, &syntax) {
			t.Errorf("%s: %v does not wrap its cause", tt.doc, greeting)
		}
	}
}

// TestParseGreetingForms: what is left out stays empty, what stands elsewhere is not taken, and texts
// are as a parser gives them.
func TestParseGreetingForms(t *testing.T) {
	for _, tt := range []struct {
		inside string
		want   Greeting
	}{
		{``, Greeting{}},
		{`<svcMenu/>`, Greeting{}},
		{`<svID>a&amp;b<!-- c --> <![CDATA[<d>]]></svID>`, Greeting{ServerID: "a&b <d>"}},
		{`<svID>first</svID><svID>second</svID>`, Greeting{ServerID: "second"}},
		{`<svcMenu><svID>no</svID><version> 1.0 </version></svcMenu><version>2.0</version>`, Greeting{Versions: []string{"1.0"}}},
		{`<svcMenu><objURI>a</objURI></svcMenu><svcMenu><objURI>b</objURI></svcMenu>`, Greeting{ObjectURIs: []string{"a", "b"}}},
		{`<svcMenu><extURI>no</extURI><svcExtension><objURI>no</objURI><extURI>e</extURI></svcExtension></svcMenu>`,
			Greeting{ExtensionURIs: []string{"e"}}},
		{`<svcMenu><lang>en</lang><lang/><lang>
fr</lang></svcMenu>`, Greeting{Languages: []string{"en", "", "fr"}}},
		{`<dcp><access><all/></access></dcp><svDate>2026-01-01T00:00:00Z</svDate>`, Greeting{}},
	} {
		for _, doc := range []string{
			inEPP(`<greeting>` + tt.inside + `</greeting>`),
			`<g:epp xmlns:g="u"><g:greeting xmlns="v">` + tt.inside + `</g:greeting></g:epp>`,
		} {
			if _, err := NewScanner().Scan([]byte(doc)); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
			got, err := ParseGreeting([]byte(doc))
			if err != nil || got.ServerID != tt.want.ServerID || !slices.Equal(got.Versions, tt.want.Versions) ||
				!slices.Equal(got.Languages, tt.want.Languages) || !slices.Equal(got.ObjectURIs, tt.want.ObjectURIs) ||
				!slices.Equal(got.ExtensionURIs, tt.want.ExtensionURIs) {
				t.Errorf("%s: got %+v, %v", doc, got, err)
			}
		}
	}
}

// TestParseLoginSecurity: RFC 8807 section 3.2 has the stand-in for either password.
func TestParseLoginSecurity(t *testing.T) {
	const open, end = `<extension><s:loginSec xmlns:s="` + loginSecURI + `">`, `</s:loginSec></extension>`
	for _, tt := range []struct{ login, extension, password, newPassword string }{
		{`<pw>short</pw>`, ``, "short", ""},
		{`<pw>` + loginSecStandIn + `</pw>`, ``, loginSecStandIn, ""},
		{`<pw> ` + loginSecStandIn + ` </pw>`, open + `<s:pw> long one </s:pw>` + end, "long one", ""},
		{`<pw>short</pw>`, open + `<s:pw>not asked for</s:pw>` + end, "short", ""},
		{`<pw>` + loginSecStandIn + `</pw>`, open + `<s:userAgent/>` + end, loginSecStandIn, ""},
		{`<pw>short</pw><newPW>` + loginSecStandIn + `</newPW>`, open + `<s:newPW>long</s:newPW>` + end, "short", "long"},
		{`<pw>` + loginSecStandIn + `</pw><newPW>new</newPW>`, open + `<s:pw>long</s:pw>` + end, "long", "new"},
	} {
		doc := inCommand(`<login>` + tt.login + `</login>` + tt.extension)
		l, err := ParseLogin([]byte(doc))
		if err != nil || l.Password != tt.password || l.NewPassword != tt.newPassword || l.HasNewPassword != (tt.newPassword != "") {
			t.Errorf("%s: got %q, %q, %v, %v", doc, l.Password, l.NewPassword, l.HasNewPassword, err)
		}
	}
}

// TestParseResultForms: the text of the first result alone, and of that its own words alone.
func TestParseResultForms(t *testing.T) {
	for _, tt := range []struct {
		result string
		code   int
		text   string
	}{
		{`<result code="1000"/>`, 1000, ""},
		{`<result code="1000"></result>`, 1000, ""},
		{`<result code="1000"><msg/></result>`, 1000, ""},
		{`<result code=" 1000 "><msg>x</msg></result>`, 1000, "x"},
		{`<result a:code="1" xmlns:a="u" code="2306"><msg>x</msg></result>`, 2306, "x"},
		{`<result code="&#50;400"><msg>x</msg></result>`, 2400, "x"},
		{`<result code="1000"><msg> a
 <![CDATA[<b>]]> &amp; c</msg></result>`, 1000, "a <b> & c"},
		{`<result code="2005"><msg>x</msg><extValue><value><msg>not this</msg><reason>nor this</reason></value><reason>why</reason></extValue></result>`, 2005, "x; why"},
		{`<result code="2005"><extValue><value/><reason lang="en">one</reason></extValue><extValue><value/><reason>two</reason></extValue><msg>x</msg></result>`,
			2005, "x; one; two"},
		{`<result code="2005"><msg>x</msg><value><msg>not this</msg></value><extValue/></result>`, 2005, "x"},
		{`<result code="2005"><msg>x</msg><extValue><value/></extValue></result>`, 2005, "x"},
		{`<result code="2005"><msg>x<b>not this</b>y</msg></result>`, 2005, "xy"},
		{`<result code="2001"><msg>first</msg></result><result code="2002"><msg>second</msg></result>`, 2001, "first"},
		{`<x><result code="1"/></x><result code="2001"><msg>x</msg></result>`, 2001, "x"},
	} {
		doc := inEPP(`<response>` + tt.result + `<trID><svTRID>s</svTRID></trID></response>`)
		code, text, err := ParseResult([]byte(doc))
		if err != nil || code != tt.code || text != tt.text {
			t.Errorf("%s: got %d %q %v, want %d %q", tt.result, code, text, err, tt.code, tt.text)
		}
		if got, _, ok := AppendResult([]byte("front "), []byte(doc)); !ok || string(got) != "front "+tt.text {
			t.Errorf("%s: appended %q, %v", tt.result, got, ok)
		}
	}
	for _, doc := range []string{``, inHello(``), inEPP(`<response/>`), inEPP(`<response><trID/></response>`), inEPP(`<response><result code="x"/></response>`)} {
		if got, code, ok := AppendResult([]byte("front"), []byte(doc)); ok || code != 0 || string(got) != "front" {
			t.Errorf("%s: got %q, %d, %v", doc, got, code, ok)
		}
	}
}

// TestDateTime: with a zone, without one, a day alone; what is none is no time.
func TestDateTime(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-03-01T12:00:00Z": noon, "2026-03-01T13:00:00+01:00": noon, "2026-03-01T12:00:00": noon, "2026-03-01T12:00:00.5Z": noon.Add(time.Second / 2),
		"2026-03-01T12:00:00.25": noon.Add(time.Second / 4), "2026-03-01": noon.Add(-12 * time.Hour),
		"": {}, "soon": {}, "2026-02-30": {}, "2026-03-01 12:00:00": {}, "2026-03-01T25:00:00Z": {}, "01.03.2026": {},
	} {
		if got := dateTime(text); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
