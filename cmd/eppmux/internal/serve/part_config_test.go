package serve

import (
	"reflect"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/clitest"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/frame"
	"eppmux/proxy"
	"eppmux/upstream"
)

// TestPartConfig: the parts get the values of the file.
func TestPartConfig(t *testing.T) {
	text := `registries: [{name: a, address: sandbox, profile: ee,
  listen: ["tcp://127.0.0.1:0", {address: "unix:///a", mode: "0600", weight: 7, allow: [check, "transfer:query"]}],
  rate_limits: [{limit: 3, per: 1s, shadow: true, commands: [check]}, {limit: 9, per: 1s}]}]`
	c, err := config.Load(clitest.WriteFile(t, t.TempDir(), "c.yaml", text, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	r := &c.Registries[0]
	pc := proxyConfig(r, nil)
	if l := pc.Listeners[0]; l.Commands != nil || l.Weight != 0 || l.Address != "tcp://127.0.0.1:0" {
		t.Errorf("got %+v", l)
	}
	l := pc.Listeners[1]
	for _, tt := range []struct {
		command frame.Command
		op      frame.Op
		want    bool
	}{
		{frame.CommandCheck, frame.OpNone, true}, {frame.CommandTransfer, frame.OpQuery, true},
		{frame.CommandTransfer, frame.OpRequest, false}, {frame.CommandCreate, frame.OpNone, false},
	} {
		if got := l.Commands.Has(tt.command, tt.op); got != tt.want || r.Listen[1].Allows(tt.command, tt.op) != tt.want || !r.Listen[0].Allows(tt.command, tt.op) {
			t.Errorf("%v %v: got %v, want %v", tt.command, tt.op, got, tt.want)
		}
	}
	if l.Weight != 7 || l.Mode != 0o600 || l.Address != "unix:///a" {
		t.Errorf("got %+v", l)
	}
	rules := upstreamConfig(r, nil).Pool.Rules
	if len(rules) != 2 || !rules[0].Shadow || rules[1].Shadow || rules[0].Limit.N != 3 || !rules[0].Commands.Has(frame.CommandCheck, frame.OpNone) || rules[0].Commands.Has(frame.CommandInfo, frame.OpNone) {
		t.Errorf("got rules %+v", rules)
	}
	for _, name := range []string{"ee", "nz", "nomulus"} {
		p := config.ProfileOf(name)
		if up := upstreamConfig(&config.Registry{Profile: name}, nil); !reflect.DeepEqual(up.Throttled, p.Throttled) || !reflect.DeepEqual(up.Lost, p.Lost) {
			t.Errorf("%s: got patterns %v and %v", name, up.Throttled, up.Lost)
		}
	}
	ca := config.Registry{Profile: "ca", QueryExtensions: []string{"urn:a"}}
	if got := upstreamConfig(&ca, nil).QueryExtensions; len(got) != 2 || got[0] != "urn:a" || !strings.Contains(got[1], "fury") || len(ca.QueryExtensions) != 1 {
		t.Errorf("got query extensions %q", got)
	}
	if pc := proxyConfig(&config.Registry{Clients: config.Clients{Encodings: proxy.EncodingsRefuse}}, nil); pc.Encodings != proxy.EncodingsRefuse {
		t.Errorf("got encodings %v", pc.Encodings)
	}
	if got := upstreamConfig(r, nil).Throttled; len(got) != 1 || got[0] != (upstream.Pattern{Code: 2502}) {
		t.Errorf("got %+v", got)
	}
}
