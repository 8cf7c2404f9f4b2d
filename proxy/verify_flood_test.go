package proxy

import (
	"fmt"
	"net"
	"testing"
	"time"
)

// flood keeps a number of connections busy with logins that are wrong, until the test ends. A
// connection that is closed is opened again.
func (f *fixture) flood(connections int, login func(i int) string) {
	address := f.server.listeners[0].ln.Addr().String()
	for i := range connections {
		go func() { // ends with the server
			for {
				nc, err := net.Dial("tcp", address)
				if err != nil {
					return
				}
				p := &peer{t: f.t, nc: nc}
				for _, err = p.tryRead(); err == nil; _, err = p.tryRead() { // the greeting, then answers
					_, _ = nc.Write(unit(login(i)))
				}
				nc.Close()
			}
		}()
	}
}

// TestVerifyFlood: beside 50 connections that do nothing but log in wrongly, from the same address,
// an honest client's first login is let in after a few verifications, and the first time.
func TestVerifyFlood(t *testing.T) {
	for _, tt := range []struct {
		what string
		id   func(i int) string
	}{
		{"client ids that there are not", func(i int) string { return fmt.Sprint("nobody-", i) }},
		{"another client id", func(int) string { return "batch" }},
		{"all sorts", func(i int) string { return []string{"batch", "nobody", fmt.Sprint("n", i)}[i%3] }},
	} {
		t.Run(tt.what, func(t *testing.T) {
			f, _ := verifying(t, nil)
			f.pauseLogins()
			v := f.server.verifier
			v.rest = func(time.Duration) {}
			f.flood(50, func(i int) string { return loginAs(tt.id(i), "wrong", "", "F-1") })
			waitFor(t, "the flood", func() bool { return v.len() == verificationsMax })
			for range 100 { // until all have failed
				v.step()
				waitFor(t, "the flood", func() bool { return v.len() == verificationsMax })
			}
			p := f.dial()
			p.write(loginAs("web", "web-secret", "", "F-2"))
			waits := func() (waits bool) {
				v.mu.Lock()
				defer v.mu.Unlock()
				for _, l := range v.waiting.lines {
					waits = waits || l.user != nil && l.user.name == "web"
				}
				return waits
			}
			waitFor(t, "its login", waits)
			for n := 0; waits(); n++ {
				if n > 3 {
					t.Fatal("it waits still, after three others")
				}
				v.step()
			}
			p.want(p.read(), 1000, "F-2")
		})
	}
}
