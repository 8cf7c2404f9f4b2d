package frame

import (
	"path/filepath"
	"slices"
	"testing"
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
