package frame

import (
	"encoding/xml"
	"strings"
	"testing"
)

// TestRoot: what we write in a registry's own namespace is a message in that namespace, whatever
// stands in it, and no other octet of it changes.
func TestRoot(t *testing.T) {
	for _, ns := range []string{"https://registry.example/schema/epp-xx-1.0.xsd", "urn:a&b", `urn:"><x/y="`, "urn:'ä'",
		"urn:a\nb\tc", strings.Repeat("x", maxRoot)} {
		root := RootOf(ns)
		l := Login{ClientID: "demo", Password: "secret", ObjectURIs: []string{"urn:x"}, Root: root}
		for name, unit := range map[string][]byte{
			"hello": root.AppendHello(nil), "logout": root.AppendLogout(nil, []byte("M-1")),
			"poll": root.AppendPoll(nil, []byte("M-1")), "login": AppendLogin(nil, &l),
			"response":  root.AppendResponse(nil, 2001, "m", "r", []byte("C-1"), []byte("S-1")),
			"rewritten": AppendUnit(nil, root.Rewrite(AppendHello(nil)[HeaderLen:]), nil),
		} {
			if n, err := Size(unit, 1<<20); err != nil || n != len(unit) {
				t.Errorf("%s in %q: size %d, %v, want %d", name, ns, n, err, len(unit))
			}
			if _, err := NewScanner().Scan(unit[HeaderLen:]); err != nil {
				t.Errorf("%s in %q: %v: %s", name, ns, err, unit[HeaderLen:])
			}
			var d struct{ XMLName xml.Name }
			if err := xml.Unmarshal(unit[HeaderLen:], &d); err != nil || d.XMLName.Space != ns {
				t.Errorf("%s: in namespace %q, %v, want %q", name, d.XMLName.Space, err, ns)
			}
		}
		if got, want := string(root.AppendHello(nil)[HeaderLen:]), string(AppendHello(nil)[HeaderLen:]); strings.Replace(got,
			root.open, openEPP, 1) != want {
			t.Errorf("got %s, want %s but for the root", got, want)
		}
	}
	for _, ns := range []string{"", Namespace, strings.Repeat("x", maxRoot+1)} {
		if RootOf(ns) != (Root{}) {
			t.Errorf("%q: got a root of its own", ns)
		}
	}
}

// TestGreetingRoot: a login takes the namespace, and where it names none the language, of the
// greeting.
func TestGreetingRoot(t *testing.T) {
	const own = "https://registry.example/schema/epp-xx-1.0.xsd"
	menu := func(langs string) string {
		return `<svID>x</svID><svDate>2000-01-01T00:00:00Z</svDate><svcMenu><version>1.0</version>` + langs + `</svcMenu>`
	}
	for _, tt := range []struct{ payload, ns, configured, lang string }{
		{`<epp xmlns="` + own + `" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="` + own + ` x.xsd"><greeting>` +
			menu("<lang>fr-CA</lang><lang>de</lang>") + `</greeting></epp>`, own, "", "fr-CA"},
		{`<e:epp xmlns:e="` + own + `"><e:greeting>` + strings.NewReplacer("</", "</e:", "<", "<e:").Replace(menu("<lang>de</lang><lang>EN</lang>")) +
			`</e:greeting></e:epp>`, own, "", "EN"},
		{`<epp xmlns="` + Namespace + `"><greeting>` + menu("<lang>fr</lang>") + `</greeting></epp>`, Namespace, "de", "de"},
		{`<epp><greeting>` + menu("") + `</greeting></epp>`, Namespace, "", ""},
	} {
		g, err := ParseGreeting([]byte(tt.payload))
		if err != nil {
			t.Fatal(err)
		}
		l := Login{Language: tt.configured}
		l.Complete(g)
		if l.Root != RootOf(tt.ns) || l.Language != tt.lang {
			t.Errorf("%s: got %v and language %q, want %s and %q", tt.payload, l.Root, l.Language, tt.ns, tt.lang)
		}
	}
}
