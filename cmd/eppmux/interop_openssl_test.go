package main

import (
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"
)

// TestOpenSSL lets "openssl s_client" send a whole session at once, before it has seen the greeting, over each version
// of TLS that eppmux speaks. It verifies the certificate.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		lacking(t, "openssl", err)
	}
	s := newStand(t, throughTLS)
	var in []byte
	for _, payload := range []string{
		`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`,
		`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check><check xmlns="urn:ietf:params:xml:ns:domain-1.0">` +
			`<name>example.com</name></check></check></command></epp>`,
		`<e:epp xmlns:e="urn:ietf:params:xml:ns:epp-1.0"><e:command><e:poll op="req"/><e:clTRID> ä &amp; #1 </e:clTRID></e:command></e:epp>`,
		`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><logout/><clTRID>ClientA-2</clTRID></command></epp>`,
	} {
		in = binary.BigEndian.AppendUint32(in, uint32(len(payload)+4))
		in = append(in, payload...)
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		out, err := runClient(t, in, "openssl", "s_client", "-quiet", "-verify_quiet", "-verify_return_error",
			version, "-CAfile", s.ca, "-servername", "localhost", "-verify_hostname", "localhost", "-connect", s.address)
		if err != nil {
			t.Fatal(err)
		}
		wants := [][]string{
			{"<greeting>"},
			{"<greeting>"},
			{`code="1000"`, `<domain:name avail="0">example.com</domain:name>`, "<trID><svTRID>"},
			{`code="1301"`, "Welcome to the sandbox registry", "<clTRID> ä &amp; #1 </clTRID>"},
			{`code="1500"`, "<clTRID>ClientA-2</clTRID>"},
		}
		answers := payloads(t, version, out)
		if len(answers) != len(wants) {
			t.Fatalf("%s: got %d answers, want %d: %q", version, len(answers), len(wants), answers)
		}
		for i, parts := range wants {
			for _, part := range parts {
				if !strings.Contains(answers[i], part) {
					t.Errorf("%s: answer %d: got %s, want %s", version, i+1, answers[i], part)
				}
			}
		}
	}
	s.end()
}

// payloads takes whole data units apart.
func payloads(t *testing.T, what, units string) []string {
	t.Helper()
	var all []string
	for len(units) > 0 {
		if len(units) < 4 || binary.BigEndian.Uint32([]byte(units)) < 4 || int(binary.BigEndian.Uint32([]byte(units))) > len(units) {
			t.Fatalf("%s: got %q, want a whole data unit", what, units)
		}
		n := int(binary.BigEndian.Uint32([]byte(units)))
		all, units = append(all, units[4:n]), units[n:]
	}
	return all
}
