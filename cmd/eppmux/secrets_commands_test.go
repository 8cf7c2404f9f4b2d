package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/sandbox"
)

// TestSecretsOfPasswd: a registry that repeats the passwords, quoted, cut and in pieces of a long
// text.
func TestSecretsOfPasswd(t *testing.T) {
	made, err := sandbox.NewTLS()
	if err != nil {
		t.Fatal(err)
	}
	const next = clitest.Canary + `"\é&2`
	said := func(code int, lead int, cdata bool) turn {
		return func(conn net.Conn) {
			greets(conn)
			for {
				login, err := clitest.ReadUnit(conn)
				if err != nil {
					return
				}
				// both, as they stand there, and all that follows
				_, pw, _ := strings.Cut(string(login), "<pw>")
				text := strings.Repeat("x", lead) + strings.ReplaceAll(pw, "<", " ")
				if cdata {
					text = strings.Repeat("x", lead) + "<![CDATA[" + pw + "]]>"
				}
				conn.Write(clitest.AnswerTo(login, code, text))
			}
		}
	}
	for code, leads := range map[int][]int{2200: {0, 30, 32, 34, 36, 38, 40, 42, 44, 46, 48, 50, 54, 59}, 2502: {0, 42}, 2400: {0, 42}, 1000: {0}} {
		for _, lead := range leads {
			for _, cdata := range []bool{false, true} {
				turns := []turn{said(code, lead, cdata)}
				if lead%6 == 0 { // the first answer is lost, the next two refuse
					turns = []turn{cutInAnswer, said(code, lead, cdata), said(code, lead+1, cdata)}
				}
				address, _ := startScript(t, made, turns...)
				config, _ := passwdStand(t, address, made)
				got := eppmuxWith(t, next+"\n", "passwd", "--config", config)
				if want := 1; code < 2000 && got.code != 0 || code >= 2000 && got.code != want {
					t.Fatalf("%d, %d: got %+v", code, lead, got)
				}
				if found := clitest.FindSecret(got.out + got.errs); found != "" {
					t.Fatalf("%d, %d: got %s", code, lead, found)
				}
			}
		}
	}
}

// TestSecretsOfConfig: a file with a password where it does not belong, read by every command that
// reads one.
func TestSecretsOfConfig(t *testing.T) {
	t.Setenv("EPPMUX_TEST_SECRET", clitest.Canary+"\n"+clitest.Canary)
	dir := t.TempDir()
	clitest.WriteFile(t, dir, "open", clitest.Canary, 0o644)
	clitest.WriteFile(t, dir, "lines", clitest.Canary+"\n"+clitest.Canary, 0o600)
	clitest.WriteFile(t, dir, "latin1", clitest.Canary+"\xe9", 0o600)
	clitest.WriteFile(t, dir, "pem", "-----BEGIN PRIVATE KEY-----\n"+base64Of(clitest.Canary)+"\n-----END PRIVATE KEY-----\n"+clitest.Canary, 0o600)
	clitest.WritePair(t, dir, "pair")
	for _, line := range []string{
		"login: {client_id: x, password: [" + clitest.Canary + "]}",
		"login: {client_id: x, password: {a: " + clitest.Canary + "}}",
		"login: {client_id: x, password: !!binary " + base64Of(clitest.Canary) + "}",
		"login: {client_id: x, password: !!float " + clitest.Canary + "}",
		"login: {client_id: x, password: \"" + clitest.Canary,
		"login: {client_id: x, pasword: " + clitest.Canary + "}",
		"login: {client_id: x, password: " + clitest.Canary + ", newPW: " + clitest.Canary + "}",
		"login: {client_id: x, password: *" + clitest.Canary + "}",
		"login: {client_id: x, password: \"" + clitest.Canary + "\\t\"}",
		"login: {client_id: x, password_file: open}",
		"login: {client_id: x, password_file: lines}",
		"login: {client_id: x, password_file: latin1}",
		"login: {client_id: x, password_file: ., password: " + clitest.Canary + "}",
		"login: {client_id: x, password_env: EPPMUX_TEST_SECRET}",
		"login: {client_id: x, password: " + clitest.Canary + ", password_env: EPPMUX_TEST_SECRET}",
		"login: {client_id: x, password_file: lines, password: " + clitest.Canary + "}",
		"login: " + clitest.Canary,
		"login: [" + clitest.Canary + "]",
		"password: " + clitest.Canary,
		"tls: {key_password: " + clitest.Canary + "}",
		"tls: {ca_file: pem}",
		"tls: {cert_file: pem, key_file: pem}",
		"tls: {cert_file: pair.pem, key_file: pem}",
		"clients: {users: {demo: " + clitest.Canary + "}}",
		"clients: {login: verify, users: [{id: a, pw: " + clitest.Canary + "}]}",
	} {
		file := clitest.WriteFile(t, dir, "c.yaml", clitest.RegistryYAML(line), 0o600)
		for _, args := range [][]string{{"check"}, {"serve"}, {"passwd"}} {
			got := eppmux(t, append(args, "--config", file)...)
			if got.code == 0 {
				t.Fatalf("%s: %s: got %+v, want a fault", args[0], line, got)
			}
			if found := clitest.FindSecret(got.out + got.errs); found != "" {
				t.Errorf("%s: %s: got %s", args[0], line, found)
			}
		}
	}
	file := clitest.WriteFile(t, dir, "c.yaml", clitest.RegistryYAML("login: {client_id: x, password: "+clitest.Canary+"}"), 0o644)
	if got := eppmux(t, "check", "--config", file); got.code == 0 || clitest.FindSecret(got.out+got.errs) != "" {
		t.Errorf("a file that others can read: got %+v", got)
	}
}

// TestSecretsOfSend: what send says of a message that it cannot send, or of an answer that is none.
func TestSecretsOfSend(t *testing.T) {
	file := clitest.WriteFile(t, t.TempDir(), "secret.xml", "<epp>"+clitest.Canary, 0o600)
	for _, answer := range []string{"", "<epp><pw>" + clitest.Canary, clitest.Canary, clitest.OKXML + clitest.Canary + clitest.OKXML, "<html>" + clitest.Canary + "</html>",
		strings.Replace(clitest.GreetingXML, "<greeting>", "<greeting>"+clitest.Canary+"</"+clitest.Canary+">", 1)} {
		ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			greets(conn)
			if _, err := clitest.ReadUnit(conn); err == nil && answer != "" {
				conn.Write(clitest.Unit(answer))
			}
		}()
		got := eppmux(t, "send", "--to", "unix://"+ln.Addr().String(), file)
		ln.Close()
		<-ended
		if got.code == 0 || got.errs == "" || clitest.FindSecret(got.out+got.errs) != "" {
			t.Errorf("%q: got %+v, want an error without what was sent or came", answer, got)
		}
	}
	for _, args := range []string{"check", "info", "poll ack", "nonsense"} {
		words := append(strings.Fields(args), "-", "-", "-")
		if got := eppmuxWith(t, fmt.Sprint(clitest.Canary), append([]string{"send"}, words...)...); got.code == 0 || clitest.FindSecret(got.out+got.errs) != "" {
			t.Errorf("%s: got %+v", args, got)
		}
	}
}
