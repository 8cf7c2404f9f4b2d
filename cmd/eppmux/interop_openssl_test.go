package main

import (
	"context"
	"encoding/binary"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
)

// TestOpenSSL lets "openssl s_client" send a whole session at once, before it has seen the
// greeting, over each version of TLS that eppmux speaks. It verifies the certificate.
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

// opensslLogin is a login with the extensions that change answers, as eppmux logs in with all; more
// may be a newPW.
func opensslLogin(id, more string) string {
	return `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><login><clID>demo</clID><pw>demo-secret</pw>` + more +
		`<options><version>1.0</version><lang>en</lang></options><svcs><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>` +
		`<objURI>urn:ietf:params:xml:ns:host-1.0</objURI><objURI>urn:ietf:params:xml:ns:contact-1.0</objURI><svcExtension>` +
		`<extURI>urn:ietf:params:xml:ns:secDNS-1.1</extURI><extURI>urn:ietf:params:xml:ns:rgp-1.0</extURI></svcExtension></svcs></login><clTRID>` + id + `</clTRID></command></epp>`
}

// opensslDay is what a registrar does in a day; each gets a clTRID. The renewal is refused, since
// what is sent at once cannot know when the domain expires.
var opensslDay = func() (payloads []string) {
	const (
		domainNS  = ` xmlns:d="urn:ietf:params:xml:ns:domain-1.0"`
		contactNS = ` xmlns="urn:ietf:params:xml:ns:contact-1.0"`
		hostNS    = ` xmlns:host="urn:ietf:params:xml:ns:host-1.0"`
		secDNS    = ` xmlns:sec="urn:ietf:params:xml:ns:secDNS-1.1"`
		ds        = `<sec:dsData><sec:keyTag>12345</sec:keyTag><sec:alg>13</sec:alg><sec:digestType>2</sec:digestType><sec:digest>49FD46E6C4B45C55D4AC</sec:digest></sec:dsData>`
		info      = `<e:info><d:info` + domainNS + `><d:name>day.com</d:name></d:info></e:info>`
	)
	transfer := func(op string) string {
		return `<e:transfer op="` + op + `"><d:transfer` + domainNS + `><d:name>taken.com</d:name><d:authInfo><d:pw>auth-taken.com</d:pw></d:authInfo></d:transfer></e:transfer>`
	}
	for i, inner := range []string{
		`<e:check><d:check` + domainNS + `><d:name>example.com</d:name><d:name>day.com</d:name><d:name>nowhere.invalid</d:name></d:check></e:check>`,
		`<e:create><create` + contactNS + `><id>DAY-1</id><postalInfo type="loc"><name>Zoë &amp; Söhne</name><addr><city>Zürich</city><cc>CH</cc></addr></postalInfo>` +
			`<email>zoe@example.org</email><authInfo><pw>secret-1</pw></authInfo></create></e:create>`,
		`<e:create><host:create` + hostNS + `><host:name>ns7.example.com</host:name><host:addr ip="v6">2001:db8::7</host:addr></host:create></e:create>`,
		`<e:create><d:create` + domainNS + `><d:name>day.com</d:name><d:ns><d:hostObj>ns7.example.com</d:hostObj></d:ns><d:registrant>DAY-1</d:registrant>` +
			`<d:authInfo><d:pw>secret-2</d:pw></d:authInfo></d:create></e:create><e:extension><sec:create` + secDNS + `>` + ds + `</sec:create></e:extension>`,
		info,
		`<e:update><d:update` + domainNS + `><d:name>day.com</d:name></d:update></e:update><e:extension><sec:update` + secDNS + `><sec:rem><sec:all>true</sec:all></sec:rem>` +
			`<sec:add>` + strings.Replace(ds, "12345", "54321", 1) + `</sec:add></sec:update></e:extension>`,
		`<e:renew><d:renew` + domainNS + `><d:name>day.com</d:name><d:curExpDate>2000-01-01</d:curExpDate></d:renew></e:renew>`,
		info,
		transfer("request"), transfer("query"), transfer("cancel"),
		`<e:poll op="req"/>`, `<e:poll op="ack" msgID="1034"/>`, `<e:poll op="req"/>`, `<e:poll op="ack" msgID="1035"/>`, `<e:poll op="req"/>`, `<e:poll op="ack" msgID="1036"/>`,
		`<e:poll op="req"/>`, `<e:poll op="ack" msgID="1040"/>`, `<e:poll op="req"/>`, `<e:poll op="ack" msgID="1042"/>`, `<e:poll op="req"/>`,
	} {
		payloads = append(payloads, `<e:epp xmlns:e="urn:ietf:params:xml:ns:epp-1.0"><e:command>`+inner+`<e:clTRID>ClientA-`+itoa(1000+i)+`</e:clTRID></e:command></e:epp>`)
	}
	return payloads
}()

const opensslLogout = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><logout/><clTRID>ClientA-9</clTRID></command></epp>`

var resultCode = regexp.MustCompile(`<result code="(\d+)">`)

// TestOpenSSLDay does a day with "openssl s_client", all in one write or as a dialogue, straight to
// the registry and through eppmux: it speaks TLS only.
func TestOpenSSLDay(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		lacking(t, "openssl", err)
	}
	talks := map[string]func(*testing.T, *stand, string, []string) []string{"in one write": atOnce, "dialogue": inTurn}
	var want []string
	for _, w := range []way{directTLS, throughTLS} {
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			for _, name := range []string{"in one write", "dialogue"} {
				t.Run(w.name+" "+version+" "+name, func(t *testing.T) {
					got := opensslAnswers(t, w, version, talks[name])
					if want == nil {
						want = got
						sameGolden(t, "testdata/interop/openssl.golden", strings.Join(want, "\n")+"\n")
					}
					sameLines(t, strings.Join(got, "\n"), strings.Join(want, "\n"))
				})
			}
		}
	}
}

// opensslAnswers are the answers of a day, one a line. Of those that eppmux gives in its own words
// it is the codes.
func opensslAnswers(t *testing.T, w way, version string, talk func(*testing.T, *stand, string, []string) []string) []string {
	t.Helper()
	s := newStand(t, w)
	// A connection of its own for the one answer that is not the same; the registry's is undone.
	change := talk(t, s, version, []string{opensslLogin("ClientA-1", "<newPW>new-secret</newPW>"), opensslLogout})
	s.passwordChange("password change: code " + resultCode.FindStringSubmatch(change[1])[1] + "\n")
	if !w.through {
		back := strings.Replace(opensslLogin("ClientA-1", "<newPW>demo-secret</newPW>"), "<pw>demo-secret<", "<pw>new-secret<", 1)
		talk(t, s, version, []string{back, opensslLogout})
	}
	day := slices.Concat([]string{`<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`, opensslLogin("ClientA-2", "")}, opensslDay, []string{opensslLogout})
	answers := talk(t, s, version, day)
	if len(answers) != len(day)+1 {
		t.Fatalf("got %d answers, want %d: %q", len(answers), len(day)+1, answers)
	}
	for i, a := range answers {
		answers[i] = strings.ReplaceAll(normal(a), "\n", " ")
	}
	for _, i := range []int{2, len(answers) - 1} {
		answers[i] = resultCode.FindString(answers[i]) + clitest.ClTRIDs.FindString(answers[i])
	}
	s.end()
	return answers
}

// sClient is the command line for a stand.
func (s *stand) sClient(version string) []string {
	return []string{"s_client", "-quiet", "-verify_quiet", "-verify_return_error", version, "-CAfile", s.ca, "-cert", s.cert, "-key", s.key,
		"-servername", "localhost", "-verify_hostname", "localhost", "-connect", s.address}
}

// atOnce sends all before it has read the greeting.
func atOnce(t *testing.T, s *stand, version string, all []string) []string {
	t.Helper()
	var in []byte
	for _, payload := range all {
		in = append(in, clitest.Unit(payload)...)
	}
	out, err := runClient(t, in, "openssl", s.sClient(version)...)
	if err != nil {
		t.Fatal(err)
	}
	return payloads(t, version, out)
}

// inTurn reads the greeting, and each answer before it sends the next command.
func inTurn(t *testing.T, s *stand, version string, all []string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", s.sClient(version)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // it ends with the connection, or with ctx
	defer cancel()
	var answers []string
	for i := range len(all) + 1 {
		answer, err := clitest.ReadUnit(out)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		answers = append(answers, string(answer))
		if i == len(all) {
			break
		}
		if _, err := in.Write(clitest.Unit(all[i])); err != nil {
			t.Fatal(err)
		}
	}
	if rest, err := clitest.ReadUnit(out); err == nil {
		t.Errorf("got %s after the logout, want the end", rest)
	}
	return answers
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
