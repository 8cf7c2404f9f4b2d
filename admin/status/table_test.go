package status

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestTable: it says the same as the page, and nothing in it moves a cursor, wherever it came from.
func TestTable(t *testing.T) {
	s := evilStatus()
	s.Registries[0].Findings[0].Text, s.Registries[0].Sessions.List[0].Client, s.Host = evil, evil, evil
	var b strings.Builder
	if err := WriteTable(&b, s); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if strings.ContainsAny(got, "\x1b\x07\u202e\r") {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{"The registry needs a look", "look   a         <script>", "sessions        3 of 3 logged in", "7        busy", "create", "5 per 1m", "50 %",
		"the-second", "shadow, exceeded 4 times", "1000", "4 days", "(3 times)"} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in\n%s", want, got)
		}
	}
	if err := WriteTable(&b, &Status{Registries: []Registry{{}}}); err != nil {
		t.Errorf("a foreign status: %v", err)
	}
}

// tableOf is what is written of a status.
func tableOf(t *testing.T, s *Status) string {
	t.Helper()
	var b strings.Builder
	if err := WriteTable(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTableWhole holds the whole of it, octet for octet.
func TestTableWhole(t *testing.T) {
	at := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	r := working()
	r.Address = "epp.example:700"
	r.Gravity = Look
	r.Findings = []Finding{{Look, "slow", whoseRegistry, "registry answers slowly (p50 1.8 s)", "ask the registry"}, {Look, "x", whoseClients, "no advice", ""}, {OK, "y", "", "nothing else", ""}}
	r.Sessions = Sessions{Max: 3, Idle: 1, Busy: 1, Dialing: 1, List: []Session{
		{ID: 7, State: "busy", AgeSeconds: 90, Commands: 3, Doing: "create", ForSeconds: 0.25, Client: "10.0.0.7:4"},
		{ID: 12, State: "busy", AgeSeconds: 7200, Commands: 4000, Doing: "hello", Own: true, ForSeconds: 1},
		{ID: 13, State: "idle", ForSeconds: 4},
	}}
	r.Queue.Length, r.Queue.OldestSeconds = 2, 0.5
	r.Recent.UnknownTransforms, r.Recent.NotSent, r.Recent.Orphans = 1, 2, 3
	r.Limits = []Limit{
		{Name: "all", Limit: 5, PerSeconds: 60, Scope: "registry", Commands: "all", UsedRatio: some(0.5), LimitedRatio: 0.25},
		{Name: "the-second", Limit: 9, PerSeconds: 1, Scope: "client", Commands: "check, info", Shadow: true, Exceeded: 4},
	}
	r.Culprits = []Culprit{culprit(3, "registry_closed"), {ID: 7, Command: "info domain-1.0", Reason: "command_timeout", Ends: 1, AgoSeconds: 90}}
	r.Codes = []CodeCount{{1000, "done", 1234567, 3}, {0, "not in RFC 5730", 1, 0}}
	r.Expiries = []Expiry{{What: "our certificate", File: "c.pem", At: at.Add(4 * day), In: 4 * 86400}, {What: "password", At: at.Add(60 * day), In: 60 * 86400}}
	r.Events = []Event{{At: at, Text: "session could not be opened", Detail: "connect: refused", Count: 3}}
	quiet := Registry{Name: "b-registry", Findings: []Finding{{Text: "all well: 1 session, no commands in the last minute"}}}
	s := &Status{Version: "v1", Host: "box", Started: at.Add(-time.Hour), Now: at, Gravity: Look, Registries: []Registry{quiet, r},
		Events: []Event{{At: at, Text: "config", Detail: "old", Count: 1}}}
	const want = `eppmux v1 on box, up 60 min, as of 2026-11-21 23:00:00 UTC
1 of 2 registries needs a look

STATE  REGISTRY    VERDICT
look   a           registry answers slowly (p50 1.8 s)
ok     b-registry  all well: 1 session, no commands in the last minute

b-registry (): ok
  ok: all well: 1 session, no commands in the last minute
  sessions        0 of 0 logged in, 0 busy, 0 opening
  waiting         0, the oldest for 0 s
  clients         0 of 0
  last minute     0 commands/s, wait p50 – p99 –, registry time p50 – p99 –
  lost in 10 min  0 transforms unknown, 0 not sent, 0 orphaned

a (epp.example:700): look
  look: registry answers slowly (p50 1.8 s)
    the registry: ask the registry
  look: no advice
    our clients
  ok: nothing else
  sessions        2 of 3 logged in, 1 busy, 1 opening
  waiting         2, the oldest for 500 ms
  clients         5 of 100
  last minute     2 commands/s, wait p50 1 ms p99 2 ms, registry time p50 4 ms p99 20 ms
  lost in 10 min  1 transforms unknown, 2 not sent, 3 orphaned
  ends            our certificate c.pem: in 4 days, on 2026-11-25
  ends            password: in 60 days, on 2027-01-20
  SESSION  STATE  AGE   SENT  DOING        FOR     CLIENT
  7        busy   90 s  3     create       250 ms  10.0.0.7:4
  12       busy   2 h   4000  hello (own)  1 s     
  13       idle   0 s   0     -            4 s     
  SESSIONS ENDED ON   IN A ROW  LAST  REASON           HELD BACK  CLIENT          IDENTITY  ID
  create contact-1.0  3         5 s   registry_closed  4 s        127.0.0.1:4711  uid 1000  12
  info domain-1.0     1         90 s  command_timeout  -                                    7
  LIMIT                                            SCOPE     COMMANDS     USED  HELD BACK
  all         5 per 1m                             registry  all          50 %  25 %
  the-second  9 per 1s (shadow, exceeded 4 times)  client    check, info  -     0 %
  ANSWER                   10 MIN  SINCE START
  1000    done             3       1234567
  0       not in RFC 5730  0       1

  LAST WARNINGS AND ERRORS
  23:00:00 session could not be opened (3 times) connect: refused

Last warnings and errors of eppmux itself
  23:00:00 config old
`
	if got := tableOf(t, s); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestTableShort: a registry of which little is known has no empty tables, and of many events the
// newest are shown.
func TestTableShort(t *testing.T) {
	s := &Status{Registries: []Registry{{Name: "a"}}}
	for i := range 20 {
		s.Events = append(s.Events, Event{Text: fmt.Sprint("event-", i), Count: 1})
	}
	got := tableOf(t, s)
	for _, heading := range []string{"SESSION", "ENDED ON", "LIMIT", "ANSWER", "LAST WARNINGS", "ends"} {
		if strings.Contains(got, heading) {
			t.Errorf("got %s in\n%s", heading, got)
		}
	}
	if !strings.Contains(got, "event-4\n") || strings.Contains(got, "event-5") {
		t.Errorf("got\n%s\nwant the first %d events", got, maxTableEvents)
	}
	if got := tableOf(t, new(Status)); !strings.Contains(got, "No registry is served\n") {
		t.Errorf("got\n%s", got)
	}
	before := tableOf(t, &Status{Started: began, Now: began.Add(-time.Hour)})
	if !strings.Contains(before, "up 0 s,") {
		t.Errorf("a clock that was set back: got\n%s", before)
	}
}

// bounded is a writer on which nothing more can be written after so many octets.
type bounded int

func (f *bounded) Write(b []byte) (int, error) {
	if *f -= bounded(len(b)); *f < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

// TestTableCannotBeWritten: the first error of the writer is returned, wherever it comes.
func TestTableCannotBeWritten(t *testing.T) {
	s := evilStatus()
	whole := len(tableOf(t, s))
	for n := 0; n < whole; n += 37 {
		w := bounded(n)
		if err := WriteTable(&w, s); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("after %d octets: got %v", n, err)
		}
	}
	w := bounded(whole)
	if err := WriteTable(&w, s); err != nil {
		t.Errorf("got %v", err)
	}
}
