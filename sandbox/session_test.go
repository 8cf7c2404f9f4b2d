package sandbox

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestGreeting(t *testing.T) {
	k := newClock()
	r := start(t, Config{ServerID: "Registry <A> & B", Now: k.Now})
	c := connect(t, r)
	g := c.greet()
	for _, want := range []string{"<svID>Registry &lt;A&gt; &amp; B</svID>", "<svDate>2031-03-01T12:00:00.0Z</svDate>", "<version>1.0</version><lang>en</lang>",
		"<objURI>" + nsDomain, "<objURI>" + nsHost, "<objURI>" + nsContact, "<extURI>" + nsSecDNS, "<extURI>" + nsRGP, "<extURI>" + nsLoginSec, "<extURI>" + nsFee, "<extURI>" + nsTTL, "<dcp>"} {
		if !strings.Contains(g, want) {
			t.Errorf("no %q in %s", want, g)
		}
	}
	// RFC 5730 section 2.3: hello is answered at any time, before login and after.
	k.step(time.Hour)
	c.ask(epp("<hello/>")).has("<svDate>2031-03-01T13:00:00.0Z</svDate>")
	c.login("demo", "demo-secret").want(1000)
	c.ask(`<?xml version="1.0"?><e:epp xmlns:e="urn:ietf:params:xml:ns:epp-1.0"><e:hello/></e:epp>`).has("<greeting>")
	breaches(t, r, Breaches{})
	if n := r.Counters().Commands["hello"]; n != 2 {
		t.Errorf("%d hellos counted", n)
	}
}

func TestLogin(t *testing.T) {
	svcs := allObjects + allExtensions
	for _, tt := range []struct {
		name, xml string
		code      int
	}{
		{"good", loginXML("demo", "demo-secret", "", "1.0", "en", svcs), 1000},
		{"other case of language", loginXML("demo", "demo-secret", "", "1.0", "EN", svcs), 1000},
		{"one object", loginXML("demo", "demo-secret", "", "1.0", "en", "<objURI>"+nsDomain+"</objURI>"), 1000},
		{"password", loginXML("demo", "wrong-secret", "", "1.0", "en", svcs), 2200},
		{"account", loginXML("nobody", "demo-secret", "", "1.0", "en", svcs), 2200},
		{"version", loginXML("demo", "demo-secret", "", "2.0", "en", svcs), 2100},
		{"language", loginXML("demo", "demo-secret", "", "1.0", "fr", svcs), 2102},
		{"object", loginXML("demo", "demo-secret", "", "1.0", "en", svcs[:len(allObjects)]+"<objURI>urn:x</objURI>"), 2307},
		{"extension", loginXML("demo", "demo-secret", "", "1.0", "en", allObjects+"<svcExtension><extURI>urn:x</extURI></svcExtension>"), 2103},
		{"no objects", loginXML("demo", "demo-secret", "", "1.0", "en", ""), 2003},
		{"short password", loginXML("demo", "demo", "", "1.0", "en", svcs), 2005},
		{"long new password", loginXML("demo", "demo-secret", "12345678901234567", "1.0", "en", svcs), 2005},
		{"no clID", strings.Replace(loginXML("demo", "demo-secret", "", "1.0", "en", svcs), "<clID>demo</clID>", "", 1), 2003},
		{"disorder", "<login><pw>demo-secret</pw><clID>demo</clID></login>", 2001},
		{"empty", "<login/>", 2003},
		{"foreign extension", loginXML("demo", "demo-secret", "", "1.0", "en", svcs) + `<extension><x:y xmlns:x="urn:x"/></extension>`, 2103},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, Config{})
			c := connect(t, r)
			c.greet()
			c.command(tt.xml).want(tt.code)
			n := r.Counters()
			if good := tt.code == 1000; (n.Logins == 1) != good || (n.LoginsRefused == 1) == good || (n.Sessions["demo"] == 1) != good {
				t.Errorf("counters %+v", n)
			}
		})
	}
}

func TestLoginThreeTimesWrong(t *testing.T) {
	r := start(t, Config{})
	c := connect(t, r)
	c.greet()
	c.login("demo", "wrong-secret").want(2200)
	c.login("demo", "wrong-secret").want(2200)
	c.login("demo", "wrong-secret").want(2501)
	c.ended()
}

func TestLoginTwice(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	c.login("demo", "demo-secret").want(2002)
	c.do("check", "D:<name>a.com</name>").want(1000)
}

func TestNewPassword(t *testing.T) {
	r := start(t, Config{})
	try := func(id, pw, newPW, ext string, code int) {
		t.Helper()
		c := connect(t, r)
		c.greet()
		c.command(loginXML(id, pw, newPW, "1.0", "en", allObjects+allExtensions) + ext).want(code)
		if code == 1000 {
			c.command("<logout/>").want(1500)
		}
	}
	sec := func(inner string) string {
		return `<extension><s:loginSec xmlns:s="urn:ietf:params:xml:ns:epp:loginSec-1.0">` + inner + `</s:loginSec></extension>`
	}
	long := "a password of more than 16"
	try("demo", "wrong-secret", "next-secret", "", 2200)
	try("demo", "demo-secret", "next-secret", "", 1000)
	try("demo", "demo-secret", "", "", 2200)
	try("demo", "next-secret", inLoginSec, sec("<s:userAgent><s:app>t</s:app></s:userAgent><s:newPW>"+long+"</s:newPW>"), 1000)
	try("demo", inLoginSec, "", sec("<s:pw>"+long+"</s:pw>"), 1000)
	try("demo", inLoginSec, "", sec("<s:pw>"+long+"!</s:pw>"), 2200)
	try("demo", inLoginSec, "", sec("<s:userAgent><s:app>t</s:app></s:userAgent>"), 2003)
	try("demo", inLoginSec, "", "", 2003)
	try("demo", inLoginSec, "", sec("<s:pw>short</s:pw>"), 2005)
}

func TestServicesChosen(t *testing.T) {
	r := start(t, Config{})
	c := connect(t, r)
	c.greet()
	c.command(loginXML("demo", "demo-secret", "", "1.0", "en", "<objURI>"+nsDomain+"</objURI>")).want(1000)
	c.do("check", "H:<name>a.com</name>").want(2307).has(nsHost)
	c.do("create", "D:<name>new.com</name>"+pw).want(1000)
	c.do("info", "D:<name>new.com</name>").want(1000).lacks("rgp", "secDNS")
	c.do("update", "D:<name>new.com</name>", dsXML("update", "<add>"+ds("1", "AA")+"</add>")).want(2103)
}

func TestLogout(t *testing.T) {
	r := start(t, Config{MaxSessions: 1})
	c := enter(t, r, "demo")
	c.command("<logout/>").want(1500)
	// The slot is free as soon as 1500 has been read.
	d := enter(t, r, "demo")
	c.ended()
	if n := r.Counters(); n.Logouts != 1 || n.Logins != 2 || n.Sessions["demo"] != 1 || n.SessionsPeak["demo"] != 1 {
		t.Errorf("%+v", n)
	}
	d.command("<logout/>").want(1500)
	breaches(t, r, Breaches{})
}

func TestCommandsOdd(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	c.command("<hello/>").want(2000)
	c.command("<renounce/>").want(2000)
	c.command(`<x:check xmlns:x="urn:x"/>`).want(2000)
	c.command("<check/>").want(2003)
	c.command("<check><check/></check>").want(2001)
	c.command(`<check><x:check xmlns:x="urn:x"/></check>`).want(2307)
	c.command(`<check><d:info xmlns:d="` + nsDomain + `"><d:name>a.com</d:name></d:info></check>`).want(2001)
	c.command(`<check op="x"><d:check xmlns:d="` + nsDomain + `"><d:name>a.com</d:name></d:check></check>`).want(2001)
	c.command("text" + objectXML("check", "D:<name>a.com</name>")).want(2001)
	c.ask(epp("<command><clTRID>FIRST-1</clTRID>" + objectXML("check", "D:<name>a.com</name>") + "</command>")).want(2001).has("<clTRID>FIRST-1<")
	c.ask(epp("<command>" + objectXML("check", "D:<name>a.com</name>") + "</command>")).want(1000).lacks("clTRID")
}

// TestClTRIDEcho: the id comes back as a parser sees it, whatever it was written like.
func TestClTRIDEcho(t *testing.T) {
	c := enter(t, start(t, Config{}), "demo")
	for _, tt := range []struct{ written, want string }{
		{"ABC-1", "ABC-1"},
		{" \n ABC-2\t", "ABC-2"},
		{"A&amp;B&lt;&#x43;-3", "A&B<C-3"},
		{"<![CDATA[A&B]]>-4", "A&B-4"},
		{"A<!-- no -->BC-5", "ABC-5"},
		{"例例例-6", "例例例-6"},
		{`"quoted'-7`, `"quoted'-7`},
		{"a\r\nb-8", "a b-8"},
	} {
		rp := c.ask(epp("<command>" + objectXML("check", "D:<name>a.com</name>") + "<clTRID>" + tt.written + "</clTRID></command>")).want(1000)
		if got := rp.text1("trID", "clTRID"); got != tt.want {
			t.Errorf("%q came back as %q, want %q", tt.written, got, tt.want)
		}
	}
}

// TestProtocolExtension: the extension's own clTRID is echoed.
func TestProtocolExtension(t *testing.T) {
	ext := epp(`<extension><f:extcommand xmlns:f="urn:f"><f:trID><f:clTRID>WRONG-1</f:clTRID></f:trID><f:list/><f:clTRID>FRED-1</f:clTRID></f:extcommand></extension>`)
	c := enter(t, start(t, Config{}), "demo")
	c.ask(ext).want(2000).has("<clTRID>FRED-1<")
	r := start(t, Config{UnknownCommand: 1000})
	c = enter(t, r, "demo")
	c.send(ext)
	p, err := c.receive()
	if err != nil || !strings.Contains(p, `code="1000"`) || !strings.Contains(p, "FRED-1") {
		t.Errorf("%s %v", p, err)
	}
	if n := r.Counters().Commands["extension"]; n != 1 {
		t.Errorf("counted %d", n)
	}
}

func TestUnknownPolicies(t *testing.T) {
	c := enter(t, start(t, Config{UnknownCommand: 2101, UnknownObject: 2400, UnknownExtension: 1000}), "demo")
	c.command("<renounce/>").want(2101)
	c.command(`<check><x:check xmlns:x="urn:x"/></check>`).want(2400)
	c.send(epp("<command>" + objectXML("check", "D:<name>a.com</name>", `<x:y xmlns:x="urn:x"/>`) + "</command>"))
	if p, err := c.receive(); err != nil || !strings.Contains(p, `code="1000"`) {
		t.Errorf("%s %v", p, err)
	}
}

// TestObserve: payloads arrive as sent, with the answer they get.
func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []Frame
	r := start(t, Config{Observe: func(f Frame) {
		mu.Lock()
		defer mu.Unlock()
		f.Answer = bytes.Clone(f.Answer)
		seen = append(seen, f)
	}})
	c := enter(t, r, "demo")
	sent := "\ufeff" + epp("<command>"+objectXML("check", "D:<name>a.com</name>")+"<clTRID>ODD-1</clTRID></command>") + "\r\n"
	rp := c.ask(sent).want(1000)
	c.ask(epp("<hello/>"))
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 3 {
		t.Fatalf("%d frames", len(seen))
	}
	f := seen[1]
	if string(f.Payload) != sent || string(f.Answer) != rp.text || f.Code != 1000 || f.Account != "demo" || f.Session != 1 || f.At.IsZero() {
		t.Errorf("%+v", f)
	}
	if seen[0].Account != "demo" || seen[2].Code != 0 {
		t.Errorf("%+v %+v", seen[0], seen[2])
	}
}

func TestSvTRIDUnique(t *testing.T) {
	r := start(t, Config{})
	a, b := enter(t, r, "demo"), enter(t, r, "demo")
	seen := map[string]bool{}
	for i := range 20 {
		id := []*client{a, b}[i%2].do("check", "D:<name>a.com</name>").text1("trID", "svTRID")
		if seen[id] {
			t.Fatalf("%s twice", id)
		}
		seen[id] = true
	}
}

// TestTimeouts: connections end in silence when their time is up.
func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		live func(c *client)
		want time.Duration // from connecting to the end
	}{
		{"no login", Config{LoginTimeout: 10 * time.Second}, func(c *client) { c.ask(epp("<hello/>")) }, 10 * time.Second},
		{"idle", Config{IdleTimeout: time.Minute}, func(c *client) { c.login("demo", "demo-secret") }, time.Minute},
		{"kept alive", Config{IdleTimeout: time.Minute}, func(c *client) {
			for range 3 {
				time.Sleep(50 * time.Second)
				c.ask(epp("<hello/>"))
			}
		}, 210 * time.Second},
		{"age", Config{MaxAge: 5 * time.Minute, LoginTimeout: time.Second}, func(c *client) {
			c.login("demo", "demo-secret").want(1000)
			for range 4 {
				time.Sleep(time.Minute)
				c.ask(epp("<hello/>"))
			}
		}, 5 * time.Minute},
		{"a command in time is answered", Config{MaxAge: time.Minute, Latency: 40 * time.Second}, func(c *client) {
			c.login("demo", "demo-secret").want(1000)
			c.do("check", "D:<name>a.com</name>").want(1000)
		}, 80 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t, tt.cfg)
				began := time.Now()
				c := connect(t, r)
				c.greet()
				tt.live(c)
				c.ended()
				if got := time.Since(began); got != tt.want {
					t.Errorf("ended after %v, want %v", got, tt.want)
				}
				synctest.Wait()
				if n := r.Counters(); len(n.Sessions) != 0 || len(r.Sessions()) != 0 {
					t.Errorf("sessions left: %v", n.Sessions)
				}
				breaches(t, r, Breaches{})
			})
		})
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connect(t, start(t, Config{Latency: 3 * time.Second}))
		c.greet()
		began := time.Now()
		c.ask(epp("<hello/>"))
		if d := time.Since(began); d != 0 {
			t.Errorf("hello took %v", d)
		}
		c.login("demo", "demo-secret").want(1000)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("login took %v", d)
		}
	})
}

// TestCloseUnderWay: Close ends sessions in any state and leaves nothing running.
func TestCloseUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{})
		idle := enter(t, r, "demo")
		ungreeted := connect(t, r)
		slow := start(t, Config{Latency: time.Hour})
		busy := connect(t, slow)
		busy.greet()
		busy.send(epp("<command><logout/></command>"))
		synctest.Wait()
		must(t, r.Close())
		must(t, slow.Close())
		must(t, r.Close())
		idle.ended()
		busy.ended()
		ungreeted.ended()
		late := connect(t, r)
		late.ended()
	})
}

// TestHandshakeStalls: who does not finish the TLS handshake is cut off when the time for login is
// over.
func TestHandshakeStalls(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Config{LoginTimeout: 10 * time.Second})
		near, far := net.Pipe()
		defer near.Close()
		go r.ServeConn(tls.Server(far, certs.Server))
		began := time.Now()
		if n, err := near.Read(make([]byte, 100)); err == nil {
			t.Errorf("%d octets", n)
		}
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("cut off after %v", d)
		}
		synctest.Wait()
		if len(r.Sessions()) != 0 {
			t.Error("a session is left")
		}
	})
}

func TestSessions(t *testing.T) {
	r := start(t, Config{})
	c := enter(t, r, "demo")
	connect(t, r).greet()
	c.do("check", "D:<name>a.com</name>")
	got := r.Sessions()
	if len(got) != 2 || got[0].ID != 1 || got[0].Account != "demo" || got[0].Commands != 2 || got[1].Account != "" || got[0].Remote == "" {
		t.Errorf("%+v", got)
	}
}

// TestServe runs over real sockets, plain and TLS.
func TestServe(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		return ln
	}
	for _, tt := range []struct {
		name string
		wrap func(net.Listener) net.Listener
		dial func(addr string) (net.Conn, error)
	}{
		{"plain", func(ln net.Listener) net.Listener { return ln }, func(a string) (net.Conn, error) { return net.Dial("tcp", a) }},
		{"tls", func(ln net.Listener) net.Listener { return tls.NewListener(ln, certs.ServerMutual) },
			func(a string) (net.Conn, error) { return tls.Dial("tcp", a, certs.Client) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(Config{})
			ln := listen()
			served := make(chan error, 1)
			go func() { served <- r.Serve(tt.wrap(ln)) }()
			conn, err := tt.dial(ln.Addr().String())
			must(t, err)
			defer conn.Close()
			c := &client{t: t, conn: conn, name: tt.name}
			c.greet()
			c.login("demo", "demo-secret").want(1000)
			for range 100 {
				c.do("check", "D:<name>a.com</name>").want(1000)
			}
			// One octet at a time is a data unit all the same.
			for _, b := range unit(epp("<command><logout/></command>")) {
				_, err := conn.Write([]byte{b})
				must(t, err)
			}
			if p, err := c.receive(); err != nil || !strings.Contains(p, "1500") {
				t.Errorf("%s %v", p, err)
			}
			c.ended()
			must(t, r.Close())
			must(t, <-served)
			if b := r.Counters().Breaches; b.Pipelined != 0 || b.Truncated != 0 {
				t.Errorf("%+v", b)
			}
			if err := r.Serve(listen()); err != nil {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// TestServeFails: an error of the listener comes back.
func TestServeFails(t *testing.T) {
	r := start(t, Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ln.Close()
	if err := r.Serve(ln); err == nil {
		t.Error("no error")
	}
}

// TestTLSRefusesStrangers: without a certificate of the authority there is no session.
func TestTLSRefusesStrangers(t *testing.T) {
	certs, err := NewTLS()
	must(t, err)
	strange, err := NewTLS()
	must(t, err)
	r := start(t, Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go r.Serve(tls.NewListener(ln, certs.ServerMutual))
	if _, err := tls.Dial("tcp", ln.Addr().String(), strange.Client); err == nil {
		t.Error("a client accepted a server of another authority")
	}
	anonymous := certs.Client.Clone()
	anonymous.Certificates = nil
	conn, err := tls.Dial("tcp", ln.Addr().String(), anonymous)
	if err == nil {
		_, err = conn.Read(make([]byte, 1)) // TLS 1.3 tells the client only now
		conn.Close()
	}
	if err == nil {
		t.Error("a client without certificate got in")
	}
}
