package proxy

import (
	"strings"
	"testing"
)

// TestClTRIDAttributes: attributes that are for validators alone stay on the clTRID, in commands and
// in answers; its content is ours on the way there and the client's on the way back.
func TestClTRIDAttributes(t *testing.T) {
	const xsi = ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	f, r := startEcho(t, nil)
	p := f.dial()
	for _, attributes := range []string{
		` xmlns:x="urn:x"`,
		xsi + ` xsi:type="epp:trIDStringType" xmlns:epp="urn:ietf:params:xml:ns:epp-1.0"`,
		xsi + ` xsi:schemaLocation="urn:ietf:params:xml:ns:epp-1.0 epp-1.0.xsd"`,
		` i:noNamespaceSchemaLocation='x' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'`,
	} {
		with := func(doc string) string { return strings.Replace(doc, "<clTRID>", "<clTRID"+attributes+">", 1) }
		r.answerWith(func(payload, id []byte) string { return with(echoAnswer(payload, id)) })
		if got, want := p.ask(with(check("example.com", "X-1"))), with(echoAnswer(nil, []byte("X-1"))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		got := r.take()
		if len(got) != 1 || muxForm.ReplaceAllString(string(got[0]), "X-1") != with(check("example.com", "X-1")) {
			t.Errorf("got %q at the registry", got)
		}
		p.want(p.ask(check("example.com", "")), 1000, "") // the whole element goes where the client sent none
		r.take()
	}
	for _, attributes := range []string{xsi + ` xsi:nil="false"`, xsi + ` xsi:nil="true"`, ` lang="en"`, ` xml:lang="en"`} {
		p := f.dial()
		answer := p.ask(strings.Replace(check("example.com", "X-1"), "<clTRID>", "<clTRID"+attributes+">", 1))
		p.want(answer, 2001, "")
		if got := r.take(); len(got) > 0 || !strings.Contains(answer, "attribute on cltrid") {
			t.Errorf("%s: got %s and %q at the registry", attributes, answer, got)
		}
	}
}
