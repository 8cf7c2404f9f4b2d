package sandbox

import (
	"strings"
	"testing"
	"time"
)

// TestXMLText: each method appends exactly these octets.
func TestXMLText(t *testing.T) {
	at := time.Date(2031, 3, 1, 13, 0, 0, 999_999_999, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name string
		do   func(x *xmlText)
		want string
	}{
		{"text", func(x *xmlText) { x.text("plain") }, "plain"},
		{"text empty", func(x *xmlText) { x.text("") }, ""},
		{"text escaped", func(x *xmlText) { x.text(`<a b="c">&</a>`) }, "&lt;a b=&quot;c&quot;&gt;&amp;&lt;/a&gt;"},
		{"text escaped at both ends", func(x *xmlText) { x.text("&mid&") }, "&amp;mid&amp;"},
		// XML 1.0 section 2.11
		{"text with a carriage return", func(x *xmlText) { x.text("a\r\nb") }, "a&#13;\nb"},
		{"text of other scripts", func(x *xmlText) { x.text("Köln 例 '") }, "Köln 例 '"},
		{"el", func(x *xmlText) { x.el("d:name", "a&b") }, "<d:name>a&amp;b</d:name>"},
		{"el empty", func(x *xmlText) { x.el("a", "") }, "<a></a>"},
		{"elAttr", func(x *xmlText) { x.elAttr("a", "b", `"1"`, "<c>") }, `<a b="&quot;1&quot;">&lt;c&gt;</a>`},
		{"elAttr empty", func(x *xmlText) { x.elAttr("a", "b", "1", "") }, `<a b="1"/>`},
		{"opt", func(x *xmlText) { x.opt("a", "1") }, "<a>1</a>"},
		{"opt empty", func(x *xmlText) { x.opt("a", "") }, ""},
		{"when", func(x *xmlText) { x.when("a", at) }, "<a>2031-03-01T12:00:00.9Z</a>"},
		{"when zero", func(x *xmlText) { x.when("a", time.Time{}) }, ""},
		{"trID", func(x *xmlText) { x.trID("trID", "C<1", "S-1") }, "<trID><clTRID>C&lt;1</clTRID><svTRID>S-1</svTRID></trID>"},
		{"trID of nobody", func(x *xmlText) { x.trID("d:paTRID", "", "") }, "<d:paTRID></d:paTRID>"},
		{"msgQ nil", func(x *xmlText) { x.msgQ(nil) }, ""},
		{"msgQ", func(x *xmlText) { x.msgQ(&queueHead{count: 2, id: "7"}) }, `<msgQ count="2" id="7"/>`},
		{"msgQ with message", func(x *xmlText) { x.msgQ(&queueHead{1, "7", at, "a < b"}) },
			`<msgQ count="1" id="7"><qDate>2031-03-01T12:00:00.9Z</qDate><msg>a &lt; b</msg></msgQ>`},
		{"checked", func(x *xmlText) { x.checked("d", "name", "a.com", "") }, `<d:cd><d:name avail="1">a.com</d:name></d:cd>`},
		{"checked taken", func(x *xmlText) { x.checked("d", "name", "a.com", "In use") },
			`<d:cd><d:name avail="0">a.com</d:name><d:reason>In use</d:reason></d:cd>`},
	} {
		x := xmlText("=")
		tt.do(&x)
		if got := string(x); got != "="+tt.want {
			t.Errorf("%s: got %s, want =%s", tt.name, got, tt.want)
		}
	}
	if got := wrap("d", "urn:d", "data", func(x *xmlText) { x.raw("-") }); got != `<d:data xmlns:d="urn:d">-</d:data>` {
		t.Errorf("wrap gave %s", got)
	}
}

// TestAppendResponse: the parts stand in the order of RFC 5730 section 2.6: result, msgQ, resData,
// extension, trID.
func TestAppendResponse(t *testing.T) {
	const (
		head = docHead + "<response>"
		tail = "<trID><svTRID>S-1</svTRID></trID></response></epp>"
	)
	for _, tt := range []struct {
		name   string
		a      answer
		clTRID string
		want   string
	}{
		{"plain", done(""), "", `<result code="1000"><msg>Command completed successfully</msg></result>`},
		{"with data", done("<d/>"), "", `<result code="1000"><msg>Command completed successfully</msg></result><resData><d/></resData>`},
		{"refused without a reason", refuse(2202, ""), "", `<result code="2202"><msg>Invalid authorization information</msg></result>`},
		{"refused", refuse(2303, "no <such>"), "", `<result code="2303"><msg>Object does not exist</msg><extValue><value><undef/></value>` +
			`<reason>no &lt;such&gt;</reason></extValue></result>`},
		{"refused about an object", answer{code: 2303, reason: "none", about: "<x/>"}, "",
			`<result code="2303"><msg>Object does not exist</msg><extValue><value><x/></value><reason>none</reason></extValue></result>`},
		{"with a text of its own", answer{code: 2201, msg: "Session timeout"}, "", `<result code="2201"><msg>Session timeout</msg></result>`},
		{"whole", answer{code: 1301, resData: "<r/>", ext: "<e/>", queue: &queueHead{count: 1, id: "5"}}, "",
			`<result code="1301"><msg>Command completed successfully; ack to dequeue</msg></result><msgQ count="1" id="5"/>` +
				"<resData><r/></resData><extension><e/></extension>"},
	} {
		got := string(appendResponse([]byte("HEAD"), tt.a, tt.clTRID, "S-1"))
		if want := "HEAD" + head + tt.want + tail; got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, want)
		}
		if _, err := parseXML([]byte(got[len("HEAD"):])); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	got := string(appendResponse(nil, done(""), "A&B", ""))
	if !strings.HasSuffix(got, "<trID><clTRID>A&amp;B</clTRID></trID></response></epp>") {
		t.Errorf("got %s", got)
	}
}

// TestDateTime: RFC 5730 section 2.1 wants UTC with upper-case T and Z, whatever the zone of the
// clock.
func TestDateTime(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC), "2031-01-02T03:04:05.0Z"},
		{time.Date(2031, 1, 1, 0, 30, 0, 0, time.FixedZone("", 2*3600)), "2030-12-31T22:30:00.0Z"},
		{time.Date(2031, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600)), "2032-01-01T00:30:00.0Z"},
		{time.Date(2031, 1, 2, 3, 4, 5, 678_000_000, time.UTC), "2031-01-02T03:04:05.6Z"},
	} {
		got := dateTime(tt.at)
		if got != tt.want {
			t.Errorf("%v gave %s, want %s", tt.at, got, tt.want)
		}
		if isDateTime(got) != 0 {
			t.Errorf("%s is no dateTime", got)
		}
	}
}
