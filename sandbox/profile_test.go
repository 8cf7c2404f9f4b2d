package sandbox

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// playProfile starts a registry of a profile.
func playProfile(t *testing.T, name string) *Registry {
	t.Helper()
	cfg, err := Profile(name)
	must(t, err)
	return start(t, cfg)
}

// full opens as many sessions as a profile grants, and looks that the next is refused.
func full(t *testing.T, r *Registry, sessions int) {
	t.Helper()
	for range sessions {
		enter(t, r, "demo")
	}
	c := connect(t, r)
	c.greet()
	c.login("demo", "demo-secret").want(2502).has("too many sessions")
	c.ended()
}

// TestProfileNumbers sees the numbers of each profile from outside: its ceiling, and what ends a
// session that is idle or only kept alive by hello.
func TestProfileNumbers(t *testing.T) {
	for _, tt := range []struct {
		name      string
		sessions  int
		idle, age time.Duration // 0: never
		refuses   bool          // idle sessions are answered 2201
	}{
		{"generic-strict", 3, 20 * time.Minute, 24 * time.Hour, false},
		{"hamburg-like", 3, 20 * time.Minute, 24 * time.Hour, false},
		{"no-like", 1, 120 * time.Second, 0, false},
		{"ee-like", 4, 5 * time.Minute, 0, true},
		{"dk-like", 3, 700 * time.Second, 8 * time.Hour, false},
		{"fr-like", 3, 0, 0, false},
		{"be-like", 4, 4 * time.Minute, 0, false},
		{"fred-like", 5, 300 * time.Second, 0, false},
		{"uk-like", 6, 30 * time.Minute, 0, false},
		{"nl-like", 8, 10 * time.Minute, 24 * time.Hour, false},
		{"nomulus-like", 10, time.Hour, 0, false},
		{"co-like", 100, 300 * time.Second, 0, false},
		{"nz-release", 10, 5 * time.Minute, 0, false},
		{"zombie", 3, time.Hour, 0, false},
		{"ghost", 3, time.Minute, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				full(t, playProfile(t, tt.name), tt.sessions)
				r := playProfile(t, tt.name)
				c := enter(t, r, "demo")
				switch {
				case tt.refuses:
					c.quiet(tt.idle)
					c.do("check", "D:<name>a.com</name>").want(2201).has("Session timeout")
				case tt.idle > 0:
					took(t, tt.idle, c.ended)
				default:
					c.quiet(48 * time.Hour)
				}
				if tt.age > 0 {
					c = enter(t, r, "demo")
					took(t, tt.age, func() {
						for range (tt.age - 1) / (tt.idle - 1) {
							time.Sleep(tt.idle - 1)
							c.ask(epp("<hello/>"))
						}
						c.ended()
					})
				}
			})
		})
	}
}

// TestProfileConduct sees what is particular to each.
func TestProfileConduct(t *testing.T) {
	const checkXML = "D:<name>a.com</name>"
	strict := func(t *testing.T, r *Registry, c *client) {
		go c.conn.Write([]byte(strings.Repeat(string(unit(checkFrame)), 2)))
		c.ended()
		breachesPipelined(t, r)
	}
	for name, see := range map[string]func(t *testing.T, r *Registry, c *client){
		"generic-strict": strict,
		"hamburg-like":   strict,
		"no-like": func(t *testing.T, r *Registry, c *client) {
			for range 15 { // 900 commands, none too fast
				for range 60 {
					c.checks()
				}
				time.Sleep(time.Minute)
			}
			c.send(checkFrame)
			c.ended()
			breaches(t, r, Breaches{TooMany: 1})
			c = enter(t, r, "demo") // that is no reason for a lockout
			for range 60 {
				c.checks()
			}
			c.send(checkFrame)
			c.ended()
			for _, code := range []int{2501, 1000} {
				c = connect(t, r)
				c.greet()
				c.login("demo", "demo-secret").want(code)
				time.Sleep(300 * time.Second)
			}
		},
		"ee-like": func(t *testing.T, r *Registry, c *client) {
			took(t, time.Second, func() { c.do("info", "D:<name>missing.com</name>").want(2303) })
			for range 98 {
				c.ask(epp("<hello/>"))
			}
			c.do("check", checkXML).want(2502)
			time.Sleep(time.Minute)
			c.checks()
			c.conn.Write(unit(checkFrame)[:4])
			c.conn.Write(unit(checkFrame)[4:])
			c.ended()
		},
		"dk-like": func(t *testing.T, r *Registry, c *client) {
			c.wild = true
			c.command("<renounce/>").want(2000)
			c.command("<renounce/>").want(2000)
			c.send(epp("<command><renounce/></command>"))
			c.answered("2500")
			c.ended()
			c = enter(t, r, "demo")
			c.ask(epp(`<command><poll op="req"/></command>`)).want(1301).has("<clTRID>INVENTED-")
			c.conn.Write([]byte("\x00\x04\x00\x01x"))
			c.ended()
			r.SetFaults(faults(t, "x5xx")) // how it shuts down
			c = enterWild(t, r, "demo")
			c.invalid = "x5xx"
			c.send(epp("<command>" + objectXML("create", "D:<name>pending-1.com</name>"+pw) + "</command>"))
			c.answered("1501")
			c.ended()
		},
		"fr-like": func(t *testing.T, r *Registry, c *client) {
			took(t, 0, c.checks)
			took(t, 2*time.Second, c.checks)
			took(t, 2*time.Second, c.checks) // its third in 4 s
			took(t, 2*time.Second, func() { c.do("create", "D:<name>example.com</name>"+pw).want(2302) })
		},
		"be-like": func(t *testing.T, r *Registry, c *client) {
			for i := range 100 {
				c.do("create", "D:<name>n"+strings.Repeat("x", i%60)+string(rune('a'+i/60))+".com</name>"+pw).want(1000)
			}
			c.do("create", "D:<name>new.com</name>"+pw).want(2308)
			d := enter(t, r, "other")
			for range 10 {
				d.do("create", "D:<name>example.com</name>"+pw).want(2302)
			}
			d.do("check", checkXML).want(2201).has("BLOCKED")
		},
		"fred-like": func(t *testing.T, r *Registry, c *client) {
			took(t, time.Second, func() { c.do("info", "D:<name>missing.com</name>").want(2303) })
			c.ask(epp(`<extension><f:extcommand xmlns:f="` + nsFred + `"><f:listDomains/><f:clTRID>FRED-1</f:clTRID></f:extcommand></extension>`)).want(1000).has("FRED-1")
			c.ask(checkFrame + strings.Repeat(" ", 16000-len(checkFrame))).want(1000)
			c.conn.Write(unit(checkFrame + strings.Repeat(" ", 16001-len(checkFrame)))[:4])
			c.ended()
		},
		"uk-like": nil,
		"nl-like": nil,
		"nomulus-like": func(t *testing.T, r *Registry, c *client) {
			c.ask(epp("<command><check/><clTRID>ABC-1</clTRID></command>")).want(2003).has("ABC-1")
			c.ask(epp("<command><check><check/></check><clTRID>ABC-2</clTRID></command>")).want(2001).lacks("ABC-2")
			for range 98 {
				c.checks()
			}
			c.send(checkFrame)
			c.ended()
			d := connect(t, r)
			d.greet()
			took(t, 10*time.Second, d.ended)
			d = connect(t, r)
			d.greet()
			for _, code := range []int{2200, 2200, 2501} {
				d.login("demo", "wrong-secret").want(code)
			}
			d.ended()
		},
		"co-like": func(t *testing.T, r *Registry, c *client) {
			took(t, 2*time.Second, func() { c.do("create", "D:<name>example.com</name>"+pw).want(2302) })
		},
		"nz-release": func(t *testing.T, r *Registry, c *client) {
			d := enter(t, r, "demo")
			c.checks()
			d.checks()
			c.do("check", checkXML).want(2502)
			time.Sleep(time.Second)
			c.checks()
		},
		"zombie": func(t *testing.T, r *Registry, c *client) {
			for range 20 {
				c.checks()
			}
			c.do("check", checkXML).want(2002)
			c.ask(epp("<hello/>")).has("<greeting>")
		},
		"ghost": func(t *testing.T, r *Registry, c *client) {
			enter(t, r, "demo")
			enter(t, r, "demo").conn.Close()
			synctest.Wait()
			full(t, r, 0)
			time.Sleep(time.Minute)
			full(t, r, 3) // those that were idle have ended, too
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := playProfile(t, name)
				c := enter(t, r, "demo")
				if see != nil {
					see(t, r, c)
					return
				}
				for range 300 { // numbers only
					c.checks()
				}
				breaches(t, r, Breaches{})
			})
		})
	}
}

func breachesPipelined(t *testing.T, r *Registry) {
	t.Helper()
	if n := r.Counters().Breaches.Pipelined; n == 0 {
		t.Error("no breach counted")
	}
}

// TestProfileHostile: every kind of fault comes up in the end, and the registry survives it.
func TestProfileHostile(t *testing.T) {
	cfg, err := Profile("hostile")
	must(t, err)
	kinds := map[FaultKind]bool{}
	for _, f := range cfg.Faults {
		kinds[f.Kind] = true
	}
	for k := CloseBefore; k <= CloseAtAccept; k++ {
		if !kinds[k] {
			t.Errorf("%v is missing", k)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := start(t, cfg)
		for range 3000 {
			conn := connect(t, r).conn
			conn.SetDeadline(time.Now().Add(time.Minute))
			go drain(conn)
			conn.Write(unit(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>")))
			for range 5 {
				conn.Write(unit(checkFrame))
			}
			synctest.Wait()
			conn.Close()
			synctest.Wait()
		}
		n := r.Counters()
		for _, a := range FaultKinds() {
			if name, _, _ := strings.Cut(a.Name, "="); n.Faults[name] == 0 {
				t.Errorf("%s was never played", name)
			}
		}
		if len(n.Sessions) != 0 {
			t.Errorf("sessions left: %v", n.Sessions)
		}
	})
}

func drain(c interface{ Read([]byte) (int, error) }) {
	for buf := make([]byte, 1<<16); ; {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

func TestProfileNames(t *testing.T) {
	want := "generic-strict hamburg-like no-like ee-like dk-like fr-like be-like fred-like uk-like nl-like nomulus-like co-like nz-release zombie ghost hostile"
	var got []string
	for _, p := range Profiles() {
		got = append(got, p.Name)
		if _, err := Profile(p.Name); err != nil || p.About.About == "" || p.Numbers == "" || p.Source == "" {
			t.Errorf("%+v, %v", p, err)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	if _, err := Profile("de-like"); err == nil || !strings.Contains(err.Error(), `unknown profile "de-like"; there are generic-strict, hamburg-like`) {
		t.Errorf("got %v", err)
	}
}
