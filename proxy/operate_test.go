package proxy

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"eppmux/sandbox"
	"eppmux/upstream"
)

const infoXML = `<info><d:info xmlns:d="` + domainURI + `"><d:name>a.example</d:name></d:info></info>`

// culprits are the clients behind whose commands sessions ended, as the status has them.
func (f *fixture) culprits() []upstream.Culprit {
	f.t.Helper()
	s := f.server.account.Look()
	if s == nil {
		f.t.Fatal("the loop does not answer")
	}
	return s.Culprits
}

// TestClientsHeldBack: the list of clients says how many sessions have ended behind a connection's
// commands, and that its command is held back. Its neighbour has nothing to do with it.
func TestClientsHeldBack(t *testing.T) {
	f := start(t, func(sc *sandbox.Config, _ *config) {
		sc.Faults = []sandbox.Fault{{Kind: sandbox.CloseBefore, Commands: []string{"info"}}}
	})
	good, bad := f.dial(), f.dial()
	good.want(good.ask(check("a.example", "G-1")), 1000, "G-1")
	list := func() (of map[string]ClientInfo) {
		all, _, err := f.server.Clients(10)
		if err != nil {
			t.Fatal(err)
		}
		of = make(map[string]ClientInfo)
		for _, i := range all {
			of[i.Client] = i
		}
		return of
	}
	for _, i := range list() {
		if i.Ends != 0 || i.HeldBack {
			t.Errorf("before: got %+v", i)
		}
	}
	// Each command waits for twice as long, so that a slow machine gets to see it.
	seen := false
	for try := 0; try < 4 && !seen; try++ {
		bad.write(command(infoXML, "B-1"))
		waitFor(t, "the wait or its end", func() bool {
			i := list()[bad.nc.LocalAddr().String()]
			seen = seen || i.HeldBack && i.Doing == "info" && i.Ends >= 2 && !i.Sent
			return seen || i.Doing == ""
		})
		if seen {
			if i := list()[good.nc.LocalAddr().String()]; i.Ends != 0 || i.HeldBack {
				t.Errorf("the neighbour: got %+v", i)
			}
		}
		bad.want(bad.read(), 2400, "B-1")
	}
	if !seen {
		t.Error("no command was seen to be held back")
	}
	c := f.culprits()
	if len(c) != 1 || c[0].Client != bad.nc.LocalAddr().String() || !c[0].HeldBack || c[0].Command != "info domain-1.0" {
		t.Errorf("got %+v", c)
	}
}

// TestProven: for the log and the status a client has the name of the user that the kernel tells, and
// its client id where that was verified. One that is claimed may be a password by mistake.
func TestProven(t *testing.T) {
	for _, verify := range []bool{false, true} {
		want := fmt.Sprintf("uid %d", os.Getuid())
		if verify {
			want = "web at " + want
		}
		f := start(t, func(sc *sandbox.Config, c *config) {
			sc.Faults = []sandbox.Fault{{Kind: sandbox.CloseBefore, Commands: []string{"info"}}}
			if verify {
				c.Users = hashes(t, "web", "web-secret")
			}
		})
		p := f.dial()
		p.want(p.ask(loginAs("web", "web-secret", "", "P-1")), 1000, "P-1")
		p.want(p.ask(command(infoXML, "P-2")), 2400, "P-2")
		if c := f.culprits(); len(c) != 1 || c[0].Identity != want {
			t.Errorf("verify is %v: got %+v, want %s", verify, c, want)
		}
		if list, _, err := f.server.Clients(1); err != nil || len(list) != 1 || !strings.HasPrefix(list[0].Identity, "web at ") {
			t.Errorf("verify is %v: the list has %+v, %v", verify, list, err)
		}
	}
}
