package frame

import (
	"slices"
	"strings"
	"testing"
)

// TestComplete: each list of services is the login's or, where it has none, the greeting's.
func TestComplete(t *testing.T) {
	greeting := Greeting{ServerID: "x", Versions: []string{"2.0"}, Languages: []string{"de"},
		ObjectURIs: []string{"urn:o1", "urn:o2"}, ExtensionURIs: []string{"urn:e1"}}
	for _, tt := range []struct {
		name                string
		objects, extensions []string // of the login
		greeting            Greeting
		wantO, wantE        []string
	}{
		{"nothing of its own", nil, nil, greeting, greeting.ObjectURIs, greeting.ExtensionURIs},
		{"empty lists", []string{}, []string{}, greeting, greeting.ObjectURIs, greeting.ExtensionURIs},
		{"objects", []string{"urn:o2"}, nil, greeting, []string{"urn:o2"}, greeting.ExtensionURIs},
		{"extensions", nil, []string{"urn:e9"}, greeting, greeting.ObjectURIs, []string{"urn:e9"}},
		{"both", []string{"urn:o9"}, []string{"urn:e9"}, greeting, []string{"urn:o9"}, []string{"urn:e9"}},
		{"a greeting without services", nil, nil, Greeting{}, nil, nil},
		{"its own for a greeting without", []string{"urn:o9"}, nil, Greeting{}, []string{"urn:o9"}, nil},
	} {
		l := Login{ClientID: "a", Password: "p", Language: "en", ObjectURIs: tt.objects, ExtensionURIs: tt.extensions, ClTRID: "c"}
		l.Complete(tt.greeting)
		if !slices.Equal(l.ObjectURIs, tt.wantO) || !slices.Equal(l.ExtensionURIs, tt.wantE) {
			t.Errorf("%s: got %q, %q, want %q, %q", tt.name, l.ObjectURIs, l.ExtensionURIs, tt.wantO, tt.wantE)
		}
		if l.ClientID != "a" || l.Password != "p" || l.Language != "en" || l.ClTRID != "c" || l.Version != "" {
			t.Errorf("%s: something else has changed: %#v", tt.name, l)
		}
	}
}

// TestCompleteLoginSecurity: a long password goes into the extension of RFC 8807 if the registry
// announces that.
func TestCompleteLoginSecurity(t *testing.T) {
	const password = "longer than sixteen characters"
	for _, uris := range [][]string{nil, {"urn:other"}, {"urn:other", loginSecURI}} {
		l := Login{ClientID: "a", Password: password}
		l.Complete(Greeting{ExtensionURIs: uris})
		unit := string(AppendLogin(nil, &l))
		if got, want := strings.Contains(unit, "<loginSec:pw>"+password), slices.Contains(uris, loginSecURI); got != want {
			t.Errorf("%q: got extension in use %v, want %v: %s", uris, got, want, unit)
		}
	}
}

// TestLoginWords: what is shown of a registry's answer never has a password.
func TestLoginWords(t *testing.T) {
	l := &Login{Password: "s3cret<&>", NewPassword: "n3w  one"}
	response := func(result string) []byte {
		return []byte(`<epp xmlns="` + Namespace + `"><response>` + result + `<trID><svTRID>s</svTRID></trID></response></epp>`)
	}
	for _, tt := range []struct{ result, want string }{
		{`<result code="2200"><msg>Authentication error</msg></result>`, "Authentication error"},
		{`<result code="2200"><msg/></result>`, ""},
		{`<result code="2200"/>`, ""},
		{`<result code="2200"><msg>no s3cret&lt;&amp;&gt; here</msg></result>`, "no [redacted] here"},
		{`<result code="2200"><msg><![CDATA[pw s3cret<&>]]></msg></result>`, "pw [redacted]"},
		{`<result code="2200"><msg>n3w  one or n3w one</msg></result>`, "[redacted] or [redacted]"},
		{`<result code="2200"><msg>bad</msg><extValue><value><a xmlns=""/></value><reason>pw is s3cret&lt;&amp;&gt;</reason></extValue></result>`, "bad; pw is [redacted]"},
	} {
		got, err := l.Words(response(tt.result))
		if err != nil || got != tt.want {
			t.Errorf("%s: got %q, %v, want %q", tt.result, got, err, tt.want)
		}
	}
	for _, payload := range []string{"", "<a/>", string(response("")), string(response(`<result code="none"><msg>s3cret</msg></result>`))} {
		if got, err := l.Words([]byte(payload)); err == nil || got != "" {
			t.Errorf("%q: got %q, %v, want an error", payload, got, err)
		}
	}
}
