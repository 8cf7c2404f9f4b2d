package main

import (
	"errors"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/frame"
)

func TestBuiltPayloads(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command>`
	const tail = `</command></epp>`
	for _, tt := range []struct {
		args string
		want string
	}{
		{"check example.com example.net", `<check><obj:check xmlns:obj="urn:ietf:params:xml:ns:domain-1.0"><obj:name>example.com</obj:name><obj:name>example.net</obj:name></obj:check></check>`},
		{"check domain:localhost", `<check><obj:check xmlns:obj="urn:ietf:params:xml:ns:domain-1.0"><obj:name>localhost</obj:name></obj:check></check>`},
		{"check host:ns1.example.com", `<check><obj:check xmlns:obj="urn:ietf:params:xml:ns:host-1.0"><obj:name>ns1.example.com</obj:name></obj:check></check>`},
		{"check contact:a:b contact:c.d", `<check><obj:check xmlns:obj="urn:ietf:params:xml:ns:contact-1.0"><obj:id>a:b</obj:id><obj:id>c.d</obj:id></obj:check></check>`},
		{"info example.com", `<info><obj:info xmlns:obj="urn:ietf:params:xml:ns:domain-1.0"><obj:name>example.com</obj:name></obj:info></info>`},
		{"info contact:<&>", `<info><obj:info xmlns:obj="urn:ietf:params:xml:ns:contact-1.0"><obj:id>&lt;&amp;&gt;</obj:id></obj:info></info>`},
		{"poll", `<poll op="req"/>`},
		{"poll req", `<poll op="req"/>`},
		{`poll ack 1"2`, `<poll op="ack" msgID="1&#34;2"/>`},
	} {
		got, err := buildPayload(strings.Fields(tt.args), nil)
		if err != nil || string(got) != head+tt.want+tail {
			t.Errorf("%s: got %s, %v, want %s", tt.args, got, err, head+tt.want+tail)
			continue
		}
		m, err := frame.NewScanner().Scan(got)
		if err != nil || m.Kind != frame.KindCommand {
			t.Errorf("%s: got %+v, %v, want a command", tt.args, m, err)
		}
	}
	got, err := buildPayload([]string{"hello"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := frame.NewScanner().Scan(got); err != nil || m.Kind != frame.KindHello {
		t.Errorf("hello: got %s, %v", got, err)
	}
}

func TestPayloadUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"check", "check needs a name"},
		{"check example", `"example": a domain has a dot`},
		{"check example.com host:ns1.example.com", `"host:ns1.example.com" is not a domain`},
		{"check example.com example", `"example": a domain has a dot`},
		{"check person:x", `"person:x": must be a domain, host:NAME or contact:ID`},
		{"check host:", `"host:": must be`},
		{"info", "info needs one name"},
		{"info a.com b.com", "info needs one name"},
		{"poll now", "after poll comes nothing, or ack ID"},
		{"poll ack", "after poll comes nothing, or ack ID"},
		{"poll ack 1 2", "after poll comes nothing, or ack ID"},
		{"hello world", "hello takes no more words"},
		{"create example.com", `"create": not a known word`},
	} {
		_, err := buildPayload(strings.Fields(tt.args), nil)
		var usage *cli.UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want a usage error with %q", tt.args, err, tt.want)
		}
	}
}

func TestPayloadFromFile(t *testing.T) {
	file := clitest.WriteFile(t, t.TempDir(), "check", "<epp/>\r\n", 0o600)
	for _, tt := range []struct {
		args []string
		in   string
		want string
		err  string
	}{
		{nil, "<a/>", "<a/>", ""},
		{[]string{"-"}, "<a/>\n", "<a/>\n", ""},
		{[]string{file}, "", "<epp/>\r\n", ""},
		{[]string{"-"}, "", "", "nothing to send"},
		{[]string{file + ".missing"}, "", "", "no such file"},
		{nil, strings.Repeat("x", maxPayload+1), "", "larger than"},
	} {
		got, err := buildPayload(tt.args, strings.NewReader(tt.in))
		if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: got %.50q, %v, want %q, %q", tt.args, got, err, tt.want, tt.err)
		}
	}
}
