package loop

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/sandbox"
)

// alert is an error as crypto/tls makes it.
func alert(op string, code uint8) error {
	return errors.Join(errors.New("around it"), &net.OpError{Op: op, Err: tls.AlertError(code)})
}

// TestExplain: each alert is put down to what it is about.
func TestExplain(t *testing.T) {
	const certificate = "certificate of ours, see tls.cert_file"
	for _, tt := range []struct {
		code       uint8
		bare, with string // what is said without and with a certificate of ours
	}{
		{40, certificate, "no TLS version, cipher or curve that we share"},
		{41, certificate, certificate},
		{42, certificate, "does not accept our certificate"},
		{43, certificate, "does not accept our certificate"},
		{44, "it is revoked", "it is revoked"},
		{45, "it has expired", "it has expired"},
		{46, certificate, "does not accept our certificate"},
		{48, "the authority", "the authority"},
		{49, certificate, "does not accept our certificate"},
		{70, "none of our TLS versions", "none of our TLS versions"},
		{71, "stronger ciphers", "stronger ciphers"},
		{80, "by its own account", "by its own account"},
		{112, `the name "epp.example", see tls.server_name`, `the name "epp.example", see tls.server_name`},
		{116, certificate, certificate},
		{10, "has ended the TLS connection", "has ended the TLS connection"},
	} {
		err := alert("remote error", tt.code)
		bare, with := Handshake{"the registry", "epp.example", true}, Handshake{"the registry", "epp.example", false}
		if got := bare.Explain(err); !strings.Contains(got, tt.bare) || !strings.HasPrefix(got, "the registry ") {
			t.Errorf("alert %d without a certificate: got %q, want %q", tt.code, got, tt.bare)
		}
		if got := with.Explain(err); !strings.Contains(got, tt.with) {
			t.Errorf("alert %d with a certificate: got %q, want %q", tt.code, got, tt.with)
		}
		if !Alerted(err) || Renegotiation(err) {
			t.Errorf("alert %d: not the other side's", tt.code)
		}
	}
	for _, err := range []error{alert("local error", 42), errors.New("else"), nil, net.ErrClosed} {
		if h := (Handshake{}); Alerted(err) || h.Explain(err) != "" || Renegotiation(err) {
			t.Errorf("%v: taken for an alert of the other side", err)
		}
	}
	if !Renegotiation(alert("local error", 100)) {
		t.Error("our refusal of a new handshake is not known")
	}
}

// TestExplainReal: crypto/tls gives its errors the form that Explain reads.
func TestExplainReal(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		_ = tls.Server(theirs, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{}}}).Handshake()
		theirs.Close()
	}()
	err := tls.Client(ours, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}).Handshake()
	h := Handshake{Who: "the registry"}
	if got := h.Explain(err); !strings.Contains(got, "TLS versions") {
		t.Errorf("%v: got %q", err, got)
	}
}

// TestRenegotiation: a server that asks for a new handshake within TLS 1.2 ends the connection by it,
// and not by octets that TLS does not accept.
func TestRenegotiation(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl")
	}
	certs, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(cert, certs.ServerCertPEM, 0o600), os.WriteFile(key, certs.ServerKeyPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("openssl", "s_server", "-tls1_2", "-accept", "127.0.0.1:0", "-cert", cert, "-key", key)
	in, err1 := server.StdinPipe()
	out, err2 := server.StdoutPipe()
	if err := errors.Join(err1, err2, server.Start()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "ACCEPT ") {
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(lines.Text(), "ACCEPT "), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "CIPHER is") {
	}
	if _, err := in.Write([]byte("r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !Renegotiation(err) || Alerted(err) {
		t.Errorf("got %v, want our refusal of a new handshake", err)
	}
}
