package mapping

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// quoted are ways in which a registry can repeat a password.
var quoted = []string{
	`<x:pw xmlns:x="urn:x">canary</x:pw>`, `<a><b:authInfo xmlns:b="urn:b"><b:ext>canary<b:pw>canary</b:pw></b:ext>canary</b:authInfo></a>`, `<a><newPW>canary</newPW>x</a>`, `<a><pw><pw/>canary</pw></a>`, `<authInfo><?pw canary?><x><pw>canary</pw></x></authInfo>`,
	`&lt;domain:pw&gt;canary`, `<![CDATA[<domain:pw roid="x">canary</domain:pw>]]>`, `<a>&lt;authInfo >canary</a>`, `<a><!--<pw>canary</pw>--></a>`, `<a><![CDATA[<pw>canary]]></a>`,
	`<a>&lt;<![CDATA[p]]><!-- -->w>can<![CDATA[ary]]></a>`, `<a><?x <pw>canary</pw>?></a>`, `<a/>&#60;PW&#62;canary`, `<a>x<b/>&lt;pw>canary<b/></a>`,
}

// TestUnmarshalHidesPasswords: registries repeat what they refuse.
func TestUnmarshalHidesPasswords(t *testing.T) {
	for _, value := range quoted {
		p := `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="2005"><msg>no</msg><value>` + value + `</value><extValue><value>` + value + `</value><reason>r</reason></extValue></result><msgQ count="1" id="1"><msg>` + value + `</msg></msgQ><trID><svTRID>sv</svTRID></trID></response></epp>`
		r := read(t, p)
		b, _ := json.Marshal(r)
		if bytes.Contains(b, []byte("can")) || bytes.Contains(b, []byte("ary")) || len(r.Results[0].Values) != 2 {
			t.Errorf("%s: got %s", value, b)
		}
		blanked := Blank([]byte(p))
		if bytes.Contains(blanked, []byte("can")) || bytes.Contains(blanked, []byte("ary")) {
			t.Errorf("%s: got %s", value, blanked)
		}
		if r := read(t, string(blanked)); r.Results[0].Code != 2005 || r.SvTRID != "sv" || r.Broken {
			t.Errorf("%s: got %+v of %s", value, r, blanked)
		}
	}
}

// TestBlank: what has no password stays octet for octet.
func TestBlank(t *testing.T) {
	for name, c := range full {
		p, err := Marshal(c, "req-1")
		if err != nil {
			t.Fatal(err)
		}
		got := Blank(p)
		if !bytes.Contains(p, []byte("pw>")) && !bytes.Equal(got, p) {
			t.Errorf("%s: got %s, want %s", name, got, p)
		}
		back, _, err := UnmarshalCommand(got)
		if err != nil || back.Kind() != c.Kind() || len(passwords(back)) > 0 {
			t.Errorf("%s: got %+v %v", name, back, err)
		}
	}
	p, _ := Marshal(&DomainInfo{Name: "a.example", AuthInfo: &AuthInfo{"canary", "C1-EX"}}, "req-1")
	want := bytes.Replace(p, []byte("canary"), nil, 1)
	if got := Blank(p); !bytes.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, p := range []string{"", "<epp", "<pw>canary", `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>&x;</msg></result></response></epp>`} {
		if got := Blank([]byte(p)); got != nil {
			t.Errorf("%q: got %q", p, got)
		}
	}
}

func TestHide(t *testing.T) {
	const pw = "s3 <c>  r"
	a := &AuthInfo{Password: pw}
	for _, c := range []Command{
		&DomainInfo{AuthInfo: a}, &DomainCreate{AuthInfo: *a}, &DomainUpdate{AuthInfo: a}, &TransferCommand{AuthInfo: a},
		&ContactInfo{AuthInfo: a}, &ContactCreate{Person{AuthInfo: a}}, &ContactUpdate{Change: &Person{AuthInfo: a}},
	} {
		r := &Response{Results: []Result{{Message: "bad " + pw, Values: []string{"<x>s3 &lt;c&gt;  r</x>"}, Reasons: []string{"s3 <c> r!", "other"}}}, MsgQ: &MsgQ{Message: pw}}
		r.Hide(c)
		b, _ := json.Marshal(r)
		if strings.Contains(string(b), "s3") || r.Results[0].Reasons[1] != "other" || r.Results[0].Message != "bad (authInfo)" {
			t.Errorf("%T: got %s", c, b)
		}
	}
	r := &Response{Results: []Result{{Message: "a b"}}}
	for _, c := range []Command{&DomainInfo{}, &DomainCreate{AuthInfo: AuthInfo{Password: " "}}, &ContactUpdate{}, &PollRequest{}, nil} {
		if r.Hide(c); r.Results[0].Message != "a b" {
			t.Errorf("%T: got %+v", c, r)
		}
	}
}
