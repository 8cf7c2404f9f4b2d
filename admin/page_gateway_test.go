package admin

import (
	"testing"

	"eppmux/admin/status"
)

// TestPageOfGateway: its figures and what there is to say about it are shown, and nothing without one.
func TestPageOfGateway(t *testing.T) {
	s := evilStatus(t)
	wants(t, "without", pageOf(t, s), nil, []string{`id="g-head"`})
	s.Gateway = &status.Gateway{Listeners: []string{"tcp://127.0.0.1:7080", "unix:///run/<http>"}, UnderWay: 17, Connections: 19, AuthFailures: 23,
		Keys: &status.Keys{File: "gateway.keys", Known: 29, Unknown: 31, Trouble: "no room"}, Gravity: status.Broken,
		Findings: []status.Finding{{Gravity: status.Broken, Rule: "keys_fail", Whose: "our host", Text: "keys cannot be <written>", Do: "make room"},
			{Gravity: status.Look, Rule: "guessed", Text: "somebody guesses"}}}
	wants(t, "with", pageOf(t, s), []string{`<section class="registry g-broken" id="g"`, "keys cannot be &lt;written&gt;", "make room", "somebody guesses",
		"<dt>Requests</dt><dd><b>17</b></dd>", "<dt>Connections</dt><dd><b>19</b></dd><dd class=\"more\">tcp://127.0.0.1:7080, unix:///run/&lt;http&gt;</dd>",
		`<div class="g-look"><dt>Keys</dt><dd><b>29</b></dd><dd class="more">31 of unknown outcome</dd>`, "<dt>Wrong credentials</dt><dd><b>23</b></dd>"}, nil)
	s.Gateway.Keys, s.Gateway.Listeners = nil, nil
	wants(t, "no keys", pageOf(t, s), []string{"refused: no state folder", "no listener"}, nil)
}
