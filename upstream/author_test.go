package upstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/upstream/pool"
)

// scanned is the message of a payload.
func scanned(t testing.TB, payload string) *frame.Message {
	t.Helper()
	m, err := new(frame.Scanner).Scan([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestKinds: a kind is a verb with its op and the namespace of its object. Its name has only words that
// RFC 5730 or the registry knows: a client's own may be a password by mistake.
func TestKinds(t *testing.T) {
	k := newKinds(func(ns []byte) bool { return !strings.Contains(string(ns), "junk") })
	seen := map[pool.Kind]string{}
	for _, tt := range []struct{ payload, name string }{
		{checkCommand(""), "check domain-1.0"},
		{deleteCommand(""), "delete domain-1.0"},
		{epp(`<command><poll op="req"/></command>`), "poll req"},
		{epp(`<command><poll op="ack" msgID="1"/></command>`), "poll ack"},
		{epp(`<extension><f:extcommand xmlns:f="urn:f"><f:a/></f:extcommand></extension>`), "extension urn:f"},
		{epp(`<command><frobnicate/></command>`), "other"},
		{epp(`<command><frobnicate><d:x xmlns:d="urn:ietf:params:xml:ns:domain-1.0"/></frobnicate></command>`), "other domain-1.0"},
	} {
		n := k.of(scanned(t, tt.payload))
		if again := k.of(scanned(t, tt.payload)); n == 0 || again != n {
			t.Errorf("%s: numbers %d and %d", tt.name, n, again)
		}
		if other, ok := seen[n]; ok {
			t.Errorf("%s has the number of %s", tt.name, other)
		}
		if seen[n] = tt.name; k.names[n] != tt.name {
			t.Errorf("got name %q, want %q", k.names[n], tt.name)
		}
	}
	if n := k.of(scanned(t, epp(`<command><`+strings.Repeat("x", longestKind+1)+`/></command>`))); n != 0 {
		t.Errorf("a long name has the number %d", n)
	}
	about := func(namespace string) *frame.Message {
		return scanned(t, strings.ReplaceAll(checkCommand(""), "domain-1.0", namespace))
	}
	for i := range 300 { // made up
		k.of(scanned(t, epp(fmt.Sprintf(`<command><x%d/></command>`, i))))
		if n := k.of(about(fmt.Sprint("junk", i))); n != 0 {
			t.Fatalf("a namespace that the registry does not know has the number %d", n)
		}
	}
	if n := k.of(scanned(t, epp(`<command><y/></command>`))); n != 0 || len(k.names) != 128 {
		t.Errorf("one verb too many has the number %d; there are %d names", n, len(k.names))
	}
	if n := k.of(about("late")); n == 0 {
		t.Error("made-up verbs have taken all numbers")
	}
	for i := range 300 {
		k.of(about(fmt.Sprint("n", i)))
	}
	if n := k.of(about("m")); n != 0 || len(k.names) != 256 || k.names[0] != "other" {
		t.Errorf("one too many has the number %d; there are %d names", n, len(k.names))
	}
}

// TestContent: the clTRID does not count.
func TestContent(t *testing.T) {
	k := newKinds(nil)
	hash := func(payload string) uint64 { return k.content(scanned(t, payload)) }
	a := hash(deleteCommand("<clTRID>ABC-1</clTRID>"))
	if b := hash(deleteCommand("<clTRID>XYZ-12345</clTRID>")); a != b {
		t.Error("another clTRID makes another command")
	}
	if b := hash(strings.Replace(deleteCommand("<clTRID>ABC-1</clTRID>"), "a.example", "b.example", 1)); a == b {
		t.Error("another name makes no other command")
	}
}

// Proven implements Proven.
func (a *asker) Proven() string { return fmt.Sprintf("uid %d", a.id) }

// TestCulprit: the log, the counters and the snapshot name the client behind whose commands sessions
// end, and the command.
func TestCulprit(t *testing.T) {
	inPlay(t, func(c *Config) { c.Pool.MaxSessions, c.Pool.Keepalive = 1, 0 }, func(p *play) {
		for range 2 {
			r := p.session()
			bad := &asker{p: p, id: 7}
			p.on(func() { bad.submit(deleteCommand("")) })
			r.want("delete")
			r.nc.Close()
			if e := bad.end(); e.End != pool.EndUnknown || e.Cause != pool.CauseRegistryClosed {
				t.Errorf("got %+v", e)
			}
		}
		p.session()
		var s Snapshot
		p.on(func() { p.account.Snapshot(&s) })
		if len(s.Culprits) != 1 {
			t.Errorf("culprits are %+v, want one", s.Culprits)
			return
		}
		want := Culprit{ID: 7, Listener: "tcp://l", Client: "c", Identity: "uid 7", Command: "delete domain-1.0", Cause: pool.CauseRegistryClosed, Ends: 2, HeldBack: true}
		got := s.Culprits[0]
		if got.Wait <= 0 || got.Wait > time.Second || got.Ago < 0 {
			t.Errorf("it waits for %v, and was seen %v ago", got.Wait, got.Ago)
		}
		if got.Wait, got.Ago = 0, 0; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if s.Blamed[pool.CauseRegistryClosed] != 1 {
			t.Errorf("%d ends are blamed, want the second alone", s.Blamed[pool.CauseRegistryClosed])
		}
		p.on(func() {
			if a, b := p.account.Ended(7), p.account.Ended(8); a != 2 || b != 0 {
				t.Errorf("%d and %d ends are behind the connections' commands, want 2 and 0", a, b)
			}
		})
		var lines []string
		for line := range strings.Lines(p.log.String()) {
			if strings.Contains(line, "session closed") {
				_, line, _ = strings.Cut(line, "level=")
				lines = append(lines, line)
			}
		}
		const about = ` reason=registry_closed command="delete domain-1.0" listener=tcp://l client=c identity="uid 7" id=7`
		if want := []string{
			`INFO msg="session closed behind a command" session=1` + about + "\n",
			`WARN msg="session closed behind a command; commands like it are held back" session=2` + about + " ends=2 for=1s\n",
		}; !slices.Equal(lines, want) {
			t.Errorf("the log has\n%s\nwant\n%s", lines, want)
		}
	})
}

func BenchmarkAuthor(b *testing.B) {
	a := &Account{kinds: newKinds(func([]byte) bool { return true })}
	m := scanned(b, checkCommand("<clTRID>ABC-12345</clTRID>"))
	from := &Sender{ID: 1, Identity: "uid 1000"}
	b.ReportAllocs()
	for b.Loop() {
		a.author(from, m)
	}
}
