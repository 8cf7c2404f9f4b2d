package sandbox

import (
	"encoding/binary"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// odd opens a session at a registry with the quirks named.
func odd(t *testing.T, names string) (*Registry, *client) {
	t.Helper()
	var q Quirks
	must(t, q.Add(names))
	r := start(t, Config{Quirks: q})
	if q.SvTRID == SvTRIDNone {
		return r, enterInvalid(t, r, "demo", names)
	}
	return r, enterWild(t, r, "demo")
}

func checkWith(id string) string {
	return epp("<command>" + objectXML("check", "D:<name>a.com</name>") + "<clTRID>" + id + "</clTRID></command>")
}

// TestQuirkOutOfOrder: what is sent ahead comes back last first, one at a time in its order.
func TestQuirkOutOfOrder(t *testing.T) {
	r, c := odd(t, "out-of-order")
	go c.conn.Write([]byte(string(unit(checkWith("ORDER-1"))) + string(unit(checkWith("ORDER-2"))) + string(unit(checkWith("ORDER-3")))))
	for _, id := range []string{"ORDER-3", "ORDER-2", "ORDER-1"} {
		c.answered("1000", "<clTRID>"+id)
	}
	c.checks()
	c.checks()
	breaches(t, r, Breaches{Pipelined: 2})
}

// TestQuirkOutOfOrderCut: what came in whole is served though the client cut the rest off.
func TestQuirkOutOfOrderCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := odd(t, "out-of-order")
		c.conn.Write(append(unit(createFrame), 0, 0, 1))
		c.conn.Close()
		synctest.Wait()
		if n := r.Counters(); n.Executed["create"] != 1 || n.Breaches.Truncated != 1 || len(n.Sessions) != 0 {
			t.Errorf("counted %+v", n)
		}
	})
}

// TestQuirkCloses: each of these closes without an answer.
func TestQuirkCloses(t *testing.T) {
	for _, tt := range []struct{ quirk, first, last string }{
		{"repeat-closes", checkWith("SAME-1"), checkWith("SAME-1")},
		{"malformed-closes", checkWith("FINE-1"), "<epp>"},
		{"malformed-closes", checkWith("FINE-1"), checkWith("NO")},
		{"unknown-closes", checkWith("FINE-1"), epp("<command><renounce/></command>")},
		{"unknown-closes", checkWith("FINE-1"), epp(`<extension><x:y xmlns:x="urn:x"/></extension>`)},
		{"hello-closes", checkWith("FINE-1"), epp("<hello/>")},
		{"long-cltrid-closes", checkWith(strings.Repeat("L", 64)), checkWith(strings.Repeat("L", 65))},
	} {
		r, c := odd(t, tt.quirk)
		c.ask(tt.first).want(1000)
		c.send(tt.last)
		c.ended()
		if n := r.Counters(); n.Codes[1000] != 2 || len(n.Codes) != 1 {
			t.Errorf("%s: counted %+v", tt.quirk, n)
		}
		if tt.quirk != "malformed-closes" { // others answer it
			continue
		}
		_, c = odd(t, "comments")
		c.ask(tt.last).want(2001)
	}
}

// TestQuirkRepeatAtLogin: a login whose clTRID was used before is not answered, and leaves no
// session.
func TestQuirkRepeatAtLogin(t *testing.T) {
	r, c := odd(t, "repeat-closes")
	c.ask(checkWith("SAME-1")).want(1000)
	d := connect(t, r)
	d.greet()
	d.send(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "<clTRID>SAME-1</clTRID></command>"))
	d.ended()
	if n := r.Counters(); n.Sessions["demo"] != 1 || n.Codes[1000] != 2 {
		t.Errorf("counted %+v", n)
	}
}

func TestQuirkClTRID(t *testing.T) {
	for _, tt := range []struct {
		quirk         string
		sent, without string // what comes back for ID-1, and for none
		syntax        string // for a command that does not fit its schema
	}{
		{"comments", "<clTRID>ID-1</clTRID>", "<trID><svTRID>", "<clTRID>ID-1</clTRID>"},
		{"no-cltrid", "<trID><svTRID>", "<trID><svTRID>", "<trID><svTRID>"},
		{"invented-cltrid", "<clTRID>ID-1</clTRID>", "<clTRID>INVENTED-", "<clTRID>ID-1</clTRID>"},
		{"syntax-no-cltrid", "<clTRID>ID-1</clTRID>", "<trID><svTRID>", "<trID><svTRID>"},
	} {
		_, c := odd(t, tt.quirk)
		c.ask(checkWith("ID-1")).want(1000).has(tt.sent)
		c.ask(checkFrame).want(1000).has(tt.without)
		c.ask(strings.Replace(checkWith("ID-1"), "domain:name", "domain:nome", 2)).want(2001).has(tt.syntax)
	}
}

func TestQuirkForeignClTRID(t *testing.T) {
	r, c := odd(t, "foreign-cltrid")
	d := connect(t, r)
	d.wild = true
	d.greet()
	d.ask(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "<clTRID>LOGIN-D</clTRID></command>")).want(1000)
	c.ask(checkWith("ID-C")).want(1000).has("<clTRID>LOGIN-D<")
	d.ask(checkWith("ID-D")).want(1000).has("<clTRID>ID-C<")
	c.ask(checkFrame).want(1000).has("<clTRID>ID-D<")
	d.ask(checkWith("ID-E")).want(1000).has("<trID><svTRID>")
}

func TestQuirkSvTRID(t *testing.T) {
	_, c := odd(t, "constant-svtrid")
	c.ask(checkFrame).want(1000).has("<svTRID>54322-XYZ</svTRID>")
	c.ask(checkFrame).want(1000).has("<svTRID>54322-XYZ</svTRID>")
	_, c = odd(t, "long-svtrid")
	if id := c.ask(checkFrame).want(1000).text1("trID", "svTRID"); len(id) != 64 {
		t.Errorf("svTRID %q has %d octets", id, len(id))
	}
	_, c = odd(t, "no-svtrid")
	c.ask(checkWith("ID-1")).want(1000).has("<trID><clTRID>ID-1</clTRID></trID>")
}

// TestQuirkSplitWrites: over a pipe a read gets what one write gave.
func TestQuirkSplitWrites(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	r := start(t, Config{Quirks: Quirks{SplitWrites: true}})
	go r.ServeConn(far)
	for range 2 { // greeting, hello
		buf := make([]byte, 1<<16)
		n, err := near.Read(buf)
		if err != nil || n != 4 {
			t.Fatalf("got %d octets, %v, want the header", n, err)
		}
		want := int(binary.BigEndian.Uint32(buf)) - 4
		if n, err = near.Read(buf); err != nil || n != want {
			t.Fatalf("got %d octets, %v, want %d", n, err, want)
		}
		near.Write(unit(epp("<hello/>")))
	}
}

// TestQuirkDribble: over a pipe a read gets what one write gave.
func TestQuirkDribble(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	r := start(t, Config{Quirks: Quirks{Dribble: true}})
	go r.ServeConn(far)
	buf := make([]byte, 1<<16)
	for got := 0; got < 4 || got < int(binary.BigEndian.Uint32(buf)); got++ {
		if n, err := near.Read(buf[got:]); n != 1 || err != nil {
			t.Fatalf("got %d octets, %v, want 1", n, err)
		}
	}
}

// TestQuirkOwnNamespace: what is said is in the registry's own namespace, and what is heard must be.
func TestQuirkOwnNamespace(t *testing.T) {
	var q Quirks
	must(t, q.Add("own-namespace"))
	c := connect(t, start(t, Config{Quirks: q}))
	c.wild, c.invalid = true, "own-namespace"
	if g := c.greet(); !strings.Contains(g, `<epp xmlns="`+ownNamespace+`"><greeting>`) {
		t.Errorf("got %s", g)
	}
	own := strings.NewReplacer(nsEPP+`"`, ownNamespace+`"`)
	login := epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>")
	c.ask(login).want(2001).has(ownNamespace).lacks(nsEPP + `"`)
	c.ask(own.Replace(login)).want(1000)
	c.ask(own.Replace(checkWith("ID-1"))).want(1000).has(`xmlns="`+ownNamespace+`"><response>`, "<domain:chkData")
}

// TestQuirkEPPPrefix: what has no prefix elsewhere has that of EPP, and nothing else changes.
func TestQuirkEPPPrefix(t *testing.T) {
	_, c := odd(t, "epp-prefix,comments")
	c.ask(checkWith("ID-1")).want(1000).
		has(`<epp:epp xmlns:epp="`+nsEPP+`">`+remark, `<epp:trID><epp:clTRID>ID-1</epp:clTRID><epp:svTRID>`, remark+`</epp:epp>`).
		lacks("epp:domain", "<epp:?").has("<domain:chkData")
	rp := c.ask(checkWith("x")).want(2001)
	for _, text := range []string{rp.text, c.ask(epp("<hello/>")).has("<epp:access><epp:all/></epp:access>").text} {
		written.add([]byte(strings.ReplaceAll(text, remark, "")))
	}
	r, _ := odd(t, "epp-prefix")
	d := connect(t, r)
	if p, err := d.receive(); err != nil || !strings.Contains(p, "<epp:greeting><epp:svID>") {
		t.Errorf("got %q, %v", p, err)
	}
}

// TestQuirkPrefixedLogin: a login is closed on for its prefix ns0, and only a login.
func TestQuirkPrefixedLogin(t *testing.T) {
	prefixed := func(s string) string {
		return strings.NewReplacer("xmlns=", "xmlns:ns0=", "<?", "<?", "</", "</ns0:", "<", "<ns0:").Replace(s)
	}
	_, c := odd(t, "ns0-login-closes")
	login := epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>")
	c.ask(prefixed(epp("<hello/>"))).has("<greeting>")
	c.ask(login).want(2002)
	c.send(prefixed(login))
	c.ended()
}

func TestQuirkComments(t *testing.T) {
	_, c := odd(t, "comments")
	rp := c.ask(checkWith("ID-1")).want(1000)
	if n := strings.Count(rp.text, remark); n != 2 {
		t.Errorf("%d comments in %s", n, rp.text)
	}
	if got := rp.text1("trID", "clTRID"); got != "ID-1" {
		t.Errorf("clTRID %q", got)
	}
}

func TestQuirkStay(t *testing.T) {
	r, c := odd(t, "stay-after-logout")
	c.command("<logout/>").want(1500)
	if n := r.Counters(); n.Sessions["demo"] != 0 {
		t.Errorf("sessions %v", n.Sessions)
	}
	c.do("check", "D:<name>a.com</name>").want(2002)
	c.login("other", "other-secret").want(1000)
	c.checks()

	_, c = odd(t, "stay-after-failure,login-first-2500")
	c.command("<logout/>").want(1500)
	c.ended()
	r, _ = odd(t, "stay-after-failure,login-first-2500")
	c = connect(t, r)
	c.greet()
	c.do("check", "D:<name>a.com</name>").want(2500)
	c.login("demo", "wrong-secret").want(2200)
	c.login("demo", "wrong-secret").want(2200)
	c.login("demo", "wrong-secret").want(2501)
	c.login("demo", "demo-secret").want(1000)
	r.SetFaults(faults(t, "2500-close:first=1"))
	c.do("check", "D:<name>a.com</name>").want(2500)
	c.checks()
}

func TestQuirkLoginFirst(t *testing.T) {
	for quirk, code := range map[string]int{"login-first-2201": 2201, "login-first-2202": 2202} {
		r, _ := odd(t, quirk)
		c := connect(t, r)
		c.greet()
		c.do("check", "D:<name>a.com</name>").want(code)
	}
}

// TestQuirkLoginSecOnly: the right password is wrong unless it stands in the extension, however short.
func TestQuirkLoginSecOnly(t *testing.T) {
	r := start(t, Config{Quirks: Quirks{LoginSecOnly: true}})
	c := connect(t, r)
	c.greet()
	c.login("demo", "demo-secret").want(2200)
	c.command(loginXML("demo", inLoginSec, "", "1.0", "en", allObjects+allExtensions) + `<extension><s:loginSec xmlns:s="` + nsLoginSec +
		`"><s:pw>demo-secret</s:pw></s:loginSec></extension>`).want(1000)
	if n := r.Counters(); n.Logins != 1 || n.LoginsRefused != 1 || n.Breaches.Total() != 0 {
		t.Errorf("counted %+v", n)
	}
}

func TestQuirksAdd(t *testing.T) {
	q := Quirks{Comments: true}
	if err := q.Add("no-svtrid, split-writes"); err != nil || q != (Quirks{Comments: true, SvTRID: SvTRIDNone, SplitWrites: true}) {
		t.Errorf("got %+v, %v", q, err)
	}
	before := q
	if err := q.Add("out-of-order,odd"); err == nil || !strings.Contains(err.Error(), `unknown quirk "odd"; there are comments, constant-svtrid`) || q != before {
		t.Errorf("got %+v, %v", q, err)
	}
	for _, name := range QuirkNames() {
		q := Quirks{}
		if err := q.Add(name); err != nil || q == (Quirks{}) {
			t.Errorf("%s: got %+v, %v", name, q, err)
		}
	}
}

// TestSilenceKills is the oddity that needs no quirk: IdleTimeout.
func TestSilenceKills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := enter(t, start(t, Config{IdleTimeout: 6 * time.Second}), "demo")
		c.quiet(6*time.Second - 1)
		c.ended()
	})
}

// TestPrefixed: the default namespace of a document becomes a prefix; elements of others, text and
// attributes stay.
func TestPrefixed(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{`<epp xmlns="` + nsEPP + `"><a/></epp>`, `<epp:epp xmlns:epp="` + nsEPP + `"><epp:a/></epp:epp>`},
		{`<epp xmlns="` + nsEPP + `"><a b="1">x</a></epp>`, `<epp:epp xmlns:epp="` + nsEPP + `"><epp:a b="1">x</epp:a></epp:epp>`},
		{`<epp xmlns="` + nsEPP + `"><d:a xmlns:d="urn:d"><d:b/></d:a></epp>`,
			`<epp:epp xmlns:epp="` + nsEPP + `"><d:a xmlns:d="urn:d"><d:b/></d:a></epp:epp>`},
		{docHead + "<a>1 &lt; 2 &gt; 1</a>" + docTail,
			strings.Replace(docHead, "<epp xmlns", "<epp:epp xmlns:epp", 1) + "<epp:a>1 &lt; 2 &gt; 1</epp:a></epp:epp>"},
	} {
		if got := string(prefixed([]byte(tt.doc))); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// TestCommented: the comments stand within the root element, where a document may have them.
func TestCommented(t *testing.T) {
	got := string(commented([]byte(docHead + "<a/>" + docTail)))
	if want := docHead + remark + "<a/>" + remark + docTail; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := parseXML([]byte(got)); err != nil {
		t.Error(err)
	}
}

// TestPieces: however a data unit is cut into writes, its octets are the same.
func TestPieces(t *testing.T) {
	b := unit("payload")
	for _, tt := range []struct {
		q    Quirks
		want []int // octets of each write
	}{
		{Quirks{}, []int{11}},
		{Quirks{SplitWrites: true}, []int{4, 7}},
		{Quirks{Dribble: true}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{Quirks{Dribble: true, SplitWrites: true}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
	} {
		var got []int
		var all []byte
		for piece := range tt.q.pieces(b) {
			got = append(got, len(piece))
			all = append(all, piece...)
		}
		if !slices.Equal(got, tt.want) || string(all) != string(b) {
			t.Errorf("%+v: writes of %v octets, want %v", tt.q, got, tt.want)
		}
	}
}

// TestIDStyles: which clTRID and svTRID an answer bears, by quirk, fault and code. A fault goes
// before a quirk.
func TestIDStyles(t *testing.T) {
	long := "SBX-1" + strings.Repeat("0", 59)
	for _, tt := range []struct {
		name   string
		q      Quirks
		fault  FaultKind
		sent   string
		code   int
		cl, sv string
	}{
		{"echo", Quirks{}, 0, "ID-1", 1000, "ID-1", "SBX-1"},
		{"echo of none", Quirks{}, 0, "", 1000, "", "SBX-1"},
		{"none", Quirks{ClTRID: ClTRIDNone, SvTRID: SvTRIDNone}, 0, "ID-1", 1000, "", ""},
		{"invent", Quirks{ClTRID: ClTRIDInvent}, 0, "ID-1", 1000, "ID-1", "SBX-1"},
		{"invent for none", Quirks{ClTRID: ClTRIDInvent, SvTRID: SvTRIDConstant}, 0, "", 1000, "INVENTED-SBX-1", "54322-XYZ"},
		{"syntax", Quirks{NoClTRIDOnSyntax: true}, 0, "ID-1", 2001, "", "SBX-1"},
		{"no syntax error", Quirks{NoClTRIDOnSyntax: true}, 0, "ID-1", 2005, "ID-1", "SBX-1"},
		{"syntax, invent", Quirks{NoClTRIDOnSyntax: true, ClTRID: ClTRIDInvent}, 0, "", 2001, "", "SBX-1"},
		{"foreign, the first", Quirks{ClTRID: ClTRIDForeign, SvTRID: SvTRIDLong}, 0, "ID-1", 1000, "ID-1", long},
		{"wrong", Quirks{}, WrongClTRID, "ID-1", 1000, "ID01", "SBX-1"},
		{"wrong, long", Quirks{}, WrongClTRID, "M1K1F9W0QWXT00-C-1", 1000, "M1K1F9W00WXT00-C-1", "SBX-1"},
		{"wrong, with a nought", Quirks{}, WrongClTRID, "0", 1000, "1", "SBX-1"},
		{"made up", Quirks{}, MadeUpClTRID, "ID-1", 1000, "WRONG-SBX-1", "SBX-1"},
		{"wrong for none", Quirks{ClTRID: ClTRIDNone}, WrongClTRID, "", 1000, "WRONG-SBX-1", "SBX-1"},
		{"none by fault", Quirks{ClTRID: ClTRIDInvent}, NoClTRID, "", 1000, "", "SBX-1"},
		{"another fault", Quirks{}, Slow, "ID-1", 1000, "ID-1", "SBX-1"},
	} {
		s := &session{r: New(Config{Quirks: tt.q, Empty: true})}
		ex := &exchange{svTRID: "SBX-1", req: request{clTRID: tt.sent}, answer: answer{code: tt.code}}
		if tt.fault != FaultNone {
			ex.play = &Fault{Kind: tt.fault}
		}
		if cl, sv := s.idFor(ex), s.ownID(ex); cl != tt.cl || sv != tt.sv {
			t.Errorf("%s: got %q, %q, want %q, %q", tt.name, cl, sv, tt.cl, tt.sv)
		}
		s.r.Close()
	}
}

// TestQuirksOfGreeting: quirks of the look dress the greeting, too, but for comments.
func TestQuirksOfGreeting(t *testing.T) {
	for _, tt := range []struct {
		names      string
		has, lacks string
	}{
		{"epp-prefix", "<epp:greeting>", "<greeting>"},
		{"comments", "<greeting>", remark},
		{"epp-prefix,comments", "<epp:svID>eppmux sandbox</epp:svID>", remark},
		{"no-cltrid,no-svtrid", "<greeting>", "trID"},
	} {
		var q Quirks
		must(t, q.Add(tt.names))
		c := connect(t, start(t, Config{Quirks: q}))
		for _, g := range []string{c.greet(), c.ask(epp("<hello/>")).text} {
			if !strings.Contains(g, tt.has) || strings.Contains(g, tt.lacks) {
				t.Errorf("%s: got %s", tt.names, g)
			}
		}
	}
}

// TestQuirkStayOnlyWhereNamed: StayAfterFailure keeps connections whose answer is 2500 to 2502, but
// none with a length that cannot be, since nothing can be read behind it.
func TestQuirkStayOnlyWhereNamed(t *testing.T) {
	r, c := odd(t, "stay-after-failure")
	r.SetFaults(faults(t, "x5xx=2501:cmd=check,first=1;refuse-login=2502:first=1"))
	c.invalid = "x5xx"
	c.send(checkFrame)
	c.answered("2501")
	c.checks()
	d := connect(t, r)
	d.greet()
	d.login("demo", "demo-secret").want(2502)
	d.login("demo", "demo-secret").want(1000)
	c.conn.Write([]byte("\x00\x00\x00\x00x"))
	c.answered("2500")
	if n := r.Counters(); n.Breaches.BadLength != 1 || n.Codes[2500] != 1 {
		t.Errorf("counted %+v", n)
	}
	c.ended()
}

// TestQuirkOutOfOrderHangup: a client that hangs up behind a message without an answer has ended
// the session, though it had sent ahead.
func TestQuirkOutOfOrderHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, c := odd(t, "out-of-order")
		r.SetFaults(faults(t, "silent"))
		c.conn.Write(append(unit(createFrame), 0, 0, 1))
		synctest.Wait()
		c.conn.Close()
		synctest.Wait()
		if n := r.Counters(); n.Executed["create"] != 1 || len(r.Sessions()) != 0 || n.Sessions["demo"] != 0 {
			t.Errorf("counted %+v", n)
		}
	})
}
