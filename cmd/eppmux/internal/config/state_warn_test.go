package config

import (
	"strings"
	"testing"
)

// TestWarnForgotten: a limit longer than a minute is named where nothing remembers it over a restart.
func TestWarnForgotten(t *testing.T) {
	const want = "registries[0].rate_limits[1]: warning: a restart forgets what is used of check-9-per-1h, unless the service manager sets " +
		"STATE_DIRECTORY (systemd: StateDirectory=); set state.dir to a folder that lasts"
	dir := t.TempDir()
	for _, tt := range []struct{ name, top, address, limits, folder, want string }{
		{"long", "", "x:700", "{limit: 9, per: 1m}, {limit: 9, per: 1h, commands: [check]}, {limit: 9, per: 24h}", "", want},
		{"short", "", "x:700", "{limit: 9, per: 1m}", "", ""},
		{"of the config", "state: {dir: " + dir + "}\n", "x:700", "{limit: 9, per: 24h}", "", ""},
		{"of the service manager", "", "x:700", "{limit: 9, per: 24h}", dir, ""},
		{"built in", "", "sandbox", "{limit: 9, per: 24h}", "", ""},
		{"of a client", "", "x:700", "{limit: 9, per: 24h, scope: client}", "", ""},
		{"shadow", "", "x:700", "{limit: 9, per: 24h, shadow: true}", "", ""},
	} {
		t.Setenv("STATE_DIRECTORY", tt.folder)
		cfg, err := parseConfig("c.yaml", []byte(tt.top+"registries: [{name: a, address: \""+tt.address+"\", listen: [\"unix:///a\"], "+
			"login: {client_id: demo, password: demo-secret}, sessions: {max: 1}, rate_limits: ["+tt.limits+"]}]\n"), files{folder: dir})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got := strings.Join(cfg.Warnings, "\n")
		if has := strings.Contains(got, "a restart forgets"); has != (tt.want != "") || !strings.HasSuffix(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
