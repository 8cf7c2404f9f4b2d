package main

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestNetEPP runs Debian's libnet-epp-perl: a session with Net::EPP::Client, of which every octet
// is compared, and one with Net::EPP::Simple, of which it is what the module made of the answers.
func TestNetEPP(t *testing.T) {
	if out, err := exec.Command("perl", "-MNet::EPP::Client", "-MNet::EPP::Simple", "-e1").CombinedOutput(); err != nil {
		lacking(t, "perl with Debian's libnet-epp-perl", fmt.Errorf("%w\n%s", err, out))
	}
	for _, script := range []string{"client", "simple"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			var want string
			t.Run(directPlain.name, func(t *testing.T) {
				want = netEPP(t, directPlain, script)
				sameGolden(t, "testdata/interop/"+script+".golden", want)
			})
			for _, w := range []way{directTLS, throughPlain, throughTLS} {
				t.Run(w.name, func(t *testing.T) {
					t.Parallel()
					sameLines(t, netEPP(t, w, script), want)
				})
			}
		})
	}
}

// netEPP runs a script and returns what it printed.
func netEPP(t *testing.T, w way, script string) string {
	t.Helper()
	s := newStand(t, w)
	host, port := s.hostPort()
	args := []string{"testdata/interop/" + script + ".pl", host, port}
	if w.tls {
		args = append(args, s.ca, s.cert, s.key)
	}
	out, err := runClient(t, nil, "perl", args...)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.end(); !w.through && got.Commands["hello"] == 0 {
		t.Error("got no hello at the registry, want those of the script")
	}
	if script == "client" {
		out = s.passwordChange(out)
	}
	return normal(out)
}

func sameGolden(t *testing.T, path, got string) {
	t.Helper()
	if *clitest.Update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sameLines(t, got, string(want))
}
