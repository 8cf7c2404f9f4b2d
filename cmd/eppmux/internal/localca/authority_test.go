package localca

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAuthorityIsNarrow: with its key nobody can make a certificate for another host, or
// another authority, that its clients accept.
func TestAuthorityIsNarrow(t *testing.T) {
	ca, err := NewAuthority(localNames, time.Now(), 30)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bank.example", "192.0.2.1", "2001:db8::1"} {
		if _, err := ca.Issue([]string{name}, time.Now(), 10); err == nil || !strings.Contains(err.Error(), "--force makes one that can") {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
	if made, err := ca.Issue([]string{"localhost"}, time.Now(), 99); err != nil || !made.Leaf.NotAfter.Equal(ca.Cert.NotAfter) {
		t.Errorf("got %+v, %v, want a certificate that ends with the authority", made, err)
	}
	other, err := NewAuthority(localNames, time.Now(), 30)
	if err != nil || other.Cert.Subject.String() == ca.Cert.Subject.String() {
		t.Errorf("got %v, %v, want another subject", other.Cert.Subject, err)
	}
}

func TestHostNames(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want string // empty: refused
	}{
		{"a.example", "a.example"}, {"A.Example.", "a.example"}, {"xn--zrich-kva.ch", "xn--zrich-kva.ch"}, {"my_host", "my_host"}, {"a", "a"},
		{"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"}, {"2001:DB8:0::1", "2001:db8::1"},
		{"", ""}, {".", ""}, {"a..b", ""}, {"-a", ""}, {"a-", ""}, {"*.example", ""}, {"zürich.ch", ""}, {"a b", ""}, {"1.2.3", ""}, {"a:7700", ""},
		{"0.0.0.0", ""}, {"::", ""}, {"fe80::1%eth0", ""}, {strings.Repeat("a", 64), ""}, {strings.Repeat("a.", 127) + "a", ""},
	} {
		got, err := HostNames([]string{tt.in})
		if want := append(slices.Clone(localNames), tt.want); (err != nil) != (tt.want == "") || err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	if got, err := HostNames([]string{"127.0.0.1", "a", "A"}); err != nil || len(got) != 4 {
		t.Errorf("got %q, %v, want each once", got, err)
	}
}

func TestParseCert(t *testing.T) {
	ca, err := NewAuthority(localNames, time.Now(), 30)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{nil, []byte("junk"), ca.pem.key, bytes.Replace(ca.pem.cert, []byte("MII"), []byte("AAA"), 1)} {
		if _, err := parseCert(data); err == nil {
			t.Errorf("%q: got no error", data)
		}
	}
}
