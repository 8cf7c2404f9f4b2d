package upstream

import (
	"strings"
	"testing"

	"eppmux/upstream/pool"
)

// TestPaTRIDBounded: an answer that names a long clTRID's muxTRID ever so often does not grow beyond
// MaxResponse by that, but for the client's own clTRID.
func TestPaTRIDBounded(t *testing.T) {
	const most = 8 << 10
	inPlay(t, func(c *Config) { c.MaxResponse = most }, func(p *play) {
		r := p.session()
		long, own := strings.Repeat("x", 200), strings.Repeat("y", 100)
		a := p.ask(deleteCommand("<clTRID>" + long + "</clTRID>"))
		r.want("delete")
		past := r.id
		r.reply(1001)
		a.end()
		pan := func(id string, n int) string {
			return strings.Repeat("<paTRID><clTRID>"+id+"</clTRID></paTRID>", n)
		}
		answer := func(data, id string) string {
			return epp(`<response><result code="1301"><msg>m</msg></result><resData>` + data + `</resData><trID><clTRID>` + id + `</clTRID></trID></response>`)
		}
		a = p.ask(epp(`<command><poll op="req"/><clTRID>` + own + `</clTRID></command>`))
		r.want("poll")
		const n = 80
		r.send(answer(pan(past, n), r.id))
		restored := 0
		for len(answer(pan(long, restored+1)+pan(past, n-restored-1), own)) <= most {
			restored++
		}
		if want := answer(pan(long, restored)+pan(past, n-restored), own); restored < 1 || restored == n || a.end().Answer != want {
			t.Errorf("got %d octets, %.300q\nwant %d, %d of %d restored", len(a.end().Answer), a.end().Answer, len(want), restored, n)
		}

		a = p.ask(checkCommand("<clTRID>" + own + "</clTRID>"))
		r.want("check")
		full := answer(strings.Repeat(".", most-len(answer("", r.id))), "%")
		r.send(strings.Replace(full, "%", r.id, 1))
		if got, want := a.end().Answer, strings.Replace(full, "%", own, 1); got != want {
			t.Errorf("an answer of the greatest length: got %d octets, want %d with the client's own clTRID", len(got), len(want))
		}
	})
}

// TestRemembered: the clTRIDs of transforms that did not fit are remembered, and counted. Those of
// queries, of which there may be very many, push nothing out.
func TestRemembered(t *testing.T) {
	inPlay(t, nil, func(p *play) {
		r := p.session()
		held := func() int {
			var s Snapshot
			p.on(func() { p.account.Snapshot(&s) })
			return s.Remembered
		}
		for _, tt := range []struct {
			command func(string) string
			name    string
			own     int
			want    int
		}{
			{checkCommand, "check", 100, 0},
			{deleteCommand, "delete", 20, 0},
			{deleteCommand, "delete", tridKeptLen, tridHead + tridKeptLen},
			{checkCommand, "check", 100, tridHead + tridKeptLen},
		} {
			a := p.ask(tt.command("<clTRID>" + strings.Repeat("x", tt.own) + "</clTRID>"))
			r.want(tt.name)
			r.reply(1000)
			if e := a.end(); e.End != pool.EndAnswered || !strings.Contains(e.Answer, strings.Repeat("x", tt.own)) {
				t.Errorf("got %+v", e)
			}
			if got := held(); got != tt.want {
				t.Errorf("%s with %d: %d octets, want %d", tt.name, tt.own, got, tt.want)
			}
		}
	})
}
