package sandbox

import (
	"strings"
	"testing"
	"time"
)

// step is one command of a script and what it is answered with. A step with wait only lets time
// pass.
type step struct {
	who  string // account; empty: that of the step before
	verb string // as in client.do; "poll ..." and other commands without object stand in body whole
	body string
	ext  string
	code int
	has  string // texts the answer must contain, "|" between; with "!" in front: must not
	wait time.Duration
}

// play runs a script against a fresh registry, and returns that.
func play(t *testing.T, cfg Config, steps []step) *Registry {
	t.Helper()
	k := newClock()
	cfg.Now = k.Now
	r := start(t, cfg)
	clients := map[string]*client{}
	who := "demo"
	for i, s := range steps {
		if s.who != "" {
			who = s.who
		}
		k.step(time.Second) // no two objects are of the same age
		if s.wait > 0 {
			k.step(s.wait)
			continue
		}
		c := clients[who]
		if c == nil {
			c = enter(t, r, who)
			clients[who] = c
		}
		rp := c.command(s.xml())
		if rp.code != s.code {
			t.Fatalf("step %d (%s %s): got %d, want %d\n%s", i, s.verb, s.body, rp.code, s.code, rp.text)
		}
		if s.has == "" {
			continue
		}
		for part := range strings.SplitSeq(s.has, "|") {
			if p, not := strings.CutPrefix(part, "!"); not == strings.Contains(rp.text, p) {
				t.Fatalf("step %d (%s %s): want %q\n%s", i, s.verb, s.body, part, rp.text)
			}
		}
	}
	breaches(t, r, Breaches{})
	return r
}

func (s step) xml() string {
	if s.verb == "" {
		return s.body
	}
	if s.ext != "" {
		return objectXML(s.verb, s.body, s.ext)
	}
	return objectXML(s.verb, s.body)
}

// Bodies that scripts share.
const (
	pw = "<authInfo><pw>2fooBAR</pw></authInfo>"

	aliceClone = `<postalInfo type="int"><name>A Clone</name><addr><city>Sampleton</city><cc>US</cc></addr></postalInfo><email>a@example.org</email>` + pw
)

func dsXML(tag, inner string) string {
	return `<secDNS:` + tag + ` xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1">` +
		strings.NewReplacer("</", "</secDNS:", "<", "<secDNS:").Replace(inner) + `</secDNS:` + tag + `>`
}

func ds(keyTag, digest string) string {
	return "<dsData><keyTag>" + keyTag + "</keyTag><alg>13</alg><digestType>2</digestType><digest>" + digest + "</digest></dsData>"
}

func restoreXML(op, report string) string {
	return `<rgp:update xmlns:rgp="urn:ietf:params:xml:ns:rgp-1.0"><rgp:restore op="` + op + `">` + report + `</rgp:restore></rgp:update>`
}

const report = `<rgp:report><rgp:preData>a</rgp:preData><rgp:postData>b</rgp:postData><rgp:delTime>2031-03-01T12:00:00.0Z</rgp:delTime>` +
	`<rgp:resTime>2031-03-02T12:00:00.0Z</rgp:resTime><rgp:resReason>Error</rgp:resReason><rgp:statement>True.</rgp:statement></rgp:report>`
