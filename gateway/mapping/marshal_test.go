package mapping

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// beside is a path in the folder shared, which lies beside the repository. Where it is not there the test
// is skipped, and in CI it fails.
func beside(t testing.TB, path ...string) string {
	t.Helper()
	name := filepath.Join(append([]string{"..", "..", "..", "shared"}, path...)...)
	if _, err := os.Stat(name); err != nil {
		lacking(t, err)
	}
	return name
}

// lacking skips the test for want of something, and fails it in CI.
func lacking(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%v; CI has to have it", err)
	}
	t.Skip(err)
}

// validate holds payloads against the schemas of the RFCs; it gives the names of those that are not valid.
func validate(t *testing.T, payloads map[string][]byte) (bad []string) {
	t.Helper()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		lacking(t, err)
	}
	args := []string{"--noout", "--nonet", "--schema", beside(t, "schemas", "all.xsd")}
	dir := t.TempDir()
	files := map[string]string{}
	for name, p := range payloads {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", len(files)))
		if err := os.WriteFile(file, p, 0o600); err != nil {
			t.Fatal(err)
		}
		files[file] = name
		args = append(args, file)
	}
	out, err := exec.Command(lint, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for file, name := range files {
		if !strings.Contains(string(out), file+" validates\n") {
			bad = append(bad, name)
		}
	}
	if len(bad) > 0 {
		t.Logf("%s", out)
	}
	return bad
}

func ptr[T any](v T) *T { return &v }

// full are commands with all that they can have, and with as little.
var full = map[string]Command{
	"check":          &CheckCommand{Names: []string{"kiosk.example", "Bücher.example"}},
	"check host":     &CheckCommand{Of: HostObject, Names: []string{"ns1.kiosk.example"}},
	"check contact":  &CheckCommand{Of: ContactObject, Names: []string{"c-1", "a&b<1>"}},
	"check fee":      &CheckCommand{Names: []string{"kiosk.example"}, Fee: &FeeCheck{Currency: "EUR", Commands: []FeeCommand{{Command: "create", Period: &Period{2, "y"}}, {Command: "custom", Custom: "x&y", Phase: "sunrise", Subphase: "q"}}}},
	"info":           &DomainInfo{Name: "kiosk.example"},
	"info all":       &DomainInfo{Name: "kiosk.example", Hosts: "del", AuthInfo: &AuthInfo{"a<b&c>\"' d", "C1-EX"}, TTL: true},
	"create":         &DomainCreate{Name: "kiosk.example"},
	"create all":     fullCreate(),
	"create attr":    &DomainCreate{Name: "kiosk.example", Nameservers: []Nameserver{{Name: "ns.kiosk.example", Addresses: []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}}, {Name: "ns.other.example"}}, SecDNS: &SecDNS{Keys: []DNSKEY{{257, 3, 13, "AQPJ"}}}},
	"delete":         &DomainDelete{Name: "kiosk.example"},
	"renew":          &DomainRenew{Name: "kiosk.example", CurExpDate: "2026-11-30"},
	"renew all":      &DomainRenew{Name: "kiosk.example", CurExpDate: "2028-02-29", Period: &Period{99, "m"}, Fee: &Charge{Fees: []Fee{{Amount: "0"}}}},
	"update":         &DomainUpdate{Name: "kiosk.example", Registrant: ptr("")},
	"update all":     fullUpdate(),
	"update no pw":   &DomainUpdate{Name: "kiosk.example", NoAuthInfo: true, SecDNS: &SecDNSUpdate{RemAll: true, Add: SecDNS{Keys: []DNSKEY{{256, 3, 8, "AQ=="}}}}},
	"restore":        &DomainUpdate{Name: "kiosk.example", Restore: true},
	"report":         &DomainUpdate{Name: "kiosk.example", Report: &RestoreReport{PreData: "a\n<b>", PostData: "b", DelTime: "2026-11-30T12:00:00Z", ResTime: "2026-11-30T12:00:00.5+02:00", ResReason: "r", Statements: []string{"one", "two"}, Other: "o"}},
	"transfer":       &TransferCommand{Op: "query", Name: "kiosk.example"},
	"transfer all":   &TransferCommand{Op: "request", Name: "kiosk.example", Period: &Period{1, "y"}, AuthInfo: &AuthInfo{Password: "x"}, Fee: &Charge{Currency: "USD", Fees: []Fee{{Amount: "8.00"}}}},
	"transfer c":     &TransferCommand{Of: ContactObject, Op: "approve", Name: "c-1", AuthInfo: &AuthInfo{Password: "x"}},
	"host info":      &HostInfo{Name: "ns1.kiosk.example", TTL: true},
	"host create":    &HostCreate{Name: "ns1.kiosk.example", Addresses: []string{"192.0.2.1", "2001:db8::1"}, TTL: []TTL{{For: "A", Seconds: ptr(3600)}, {For: "AAAA"}}},
	"host delete":    &HostDelete{Name: "ns1.kiosk.example"},
	"host update":    &HostUpdate{Name: "ns1.kiosk.example", AddAddresses: []string{"192.0.2.1"}, RemAddresses: []string{"192.0.2.2"}, AddStatus: []Status{{Value: "clientUpdateProhibited", Lang: "it-IT", Text: "a & b"}}, RemStatus: []Status{{Value: "clientDeleteProhibited"}}, NewName: "ns2.kiosk.example", TTL: []TTL{{For: "custom", Custom: "TXT", Seconds: ptr(0)}}},
	"contact info":   &ContactInfo{ID: "c-1", AuthInfo: &AuthInfo{Password: "x", ROID: "a_1-B"}},
	"contact create": &ContactCreate{Person{ID: "c-1", PostalInfo: []PostalInfo{{Type: "loc", Name: "Ida", City: "Bergen", Country: "NO"}}, Email: "ida@kiosk.example"}},
	"contact all":    &ContactCreate{fullPerson()},
	"contact delete": &ContactDelete{ID: "c-1"},
	"contact update": &ContactUpdate{ID: "c-1", AddStatus: []Status{{Value: "clientDeleteProhibited"}}, RemStatus: []Status{{Value: "clientTransferProhibited", Text: "x"}}, Change: ptr(fullChange())},
	"contact none":   &ContactUpdate{ID: "c-1", Change: &Person{Fax: &Phone{}, PostalInfo: []PostalInfo{{Type: "int", NoOrg: true}}}},
	"poll":           &PollRequest{},
	"ack":            &PollAck{ID: "1&2"},
}

func fullCreate() *DomainCreate {
	return &DomainCreate{
		Name: "straße.example", Period: &Period{2, "y"}, Nameservers: []Nameserver{{Name: "ns1.kiosk.example"}, {Name: "ns2.kiosk.example"}},
		Registrant: "c-1", Contacts: []Contact{{"admin", "c-2"}, {"tech", "c-3"}, {"billing", "c-4"}}, AuthInfo: AuthInfo{Password: "s3cr <t>"},
		SecDNS: &SecDNS{MaxSigLife: 604800, DS: []DS{{12345, 13, 2, "49FD46E6C4B45C55D4AC", nil}, {0, 8, 1, "00ff", &DNSKEY{257, 3, 8, "AQPJ"}}}},
		TTL:    []TTL{{For: "NS", Seconds: ptr(3600)}, {For: "DS", Seconds: nil}},
		Fee: &Charge{Currency: "EUR", Fees: []Fee{{Amount: "12.50", Description: "a \"b\"\n", Lang: "en", Refundable: ptr(true), GracePeriod: "P5DT1H", Applied: "delayed"}},
			Credits: []Fee{{Amount: "-1.00", Description: "d"}, {Amount: "0.0"}}},
	}
}

func fullUpdate() *DomainUpdate {
	return &DomainUpdate{
		Name:       "kiosk.example",
		Add:        DomainChange{Nameservers: []Nameserver{{Name: "ns1.kiosk.example"}}, Contacts: []Contact{{"tech", "c-2"}}, Status: []Status{{Value: "clientHold", Lang: "en", Text: "unpaid"}}},
		Rem:        DomainChange{Nameservers: []Nameserver{{Name: "ns2.kiosk.example", Attribute: true}}, Contacts: []Contact{{"tech", "c-3"}}, Status: []Status{{Value: "clientRenewProhibited"}}},
		Registrant: ptr("c-9"), AuthInfo: &AuthInfo{Password: ""},
		SecDNS: &SecDNSUpdate{Urgent: true, Rem: SecDNS{DS: []DS{{1, 2, 3, "ab", nil}}}, Add: SecDNS{MaxSigLife: 1, DS: []DS{{1, 2, 3, "AB", nil}}}, MaxSigLife: 2},
		TTL:    []TTL{{For: "DNAME", Seconds: ptr(1)}},
		Fee:    &Charge{Fees: []Fee{{Amount: "1"}}},
	}
}

func fullPerson() Person {
	return Person{
		ID: "c-4711", PostalInfo: []PostalInfo{
			{Type: "int", Name: "Ida Quay", Org: "Quay & Sons", Street: []string{"Pier 3", "", "Left"}, City: "Bergen", SP: "Vestland", PC: "5003", Country: "NO"},
			{Type: "loc", Name: "Ida Kai", City: "Bergen", Country: "NO"},
		},
		Voice: &Phone{"+47.55000000", "12"}, Fax: &Phone{Number: "+47.55000001"}, Email: "ida@kiosk.example", AuthInfo: &AuthInfo{Password: "s3cr3t"},
		Disclose: &Disclose{Flag: false, Elements: []string{"email", "voice", "fax", "addr:loc", "addr:int", "org:loc", "org:int", "name:loc", "name:int"}},
	}
}

func fullChange() Person {
	p := fullPerson()
	p.ID = ""
	return p
}

// TestMarshalIsValid holds all that is written against the schemas of the RFCs.
func TestMarshalIsValid(t *testing.T) {
	payloads := map[string][]byte{}
	for name, c := range full {
		p, err := Marshal(c, "req-1 <&>")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		payloads[name] = p
	}
	for _, name := range validate(t, payloads) {
		t.Errorf("%s is not valid: %s", name, payloads[name])
	}
	if bad := validate(t, map[string][]byte{"no": []byte(strings.Replace(string(payloads["renew"]), "<domain:curExpDate>", "<domain:curExpDate>x", 1))}); len(bad) != 1 {
		t.Error("the schemas take anything")
	}
}
