package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lines reads a journal; times are checked to rise in each connection, and left out.
func lines(t *testing.T, text []byte) []string {
	t.Helper()
	last := map[uint64]time.Time{}
	var out []string
	for line := range bytes.Lines(text) {
		var l JournalLine
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l.Time.Before(last[l.Connection]) {
			t.Errorf("connection %d: %v comes behind %v", l.Connection, l.Time, last[l.Connection])
		}
		last[l.Connection] = l.Time
		trid := ""
		if l.ClTRID != "" {
			trid = "id"
		}
		out = append(out, strings.Join(strings.Fields(fmt.Sprint(l.Connection, " ", l.Event, " ", l.Account, " ", l.Command, " ",
			strings.Join(l.Names, " "), " ", trid, " ", l.Code, " ", l.Executed, " ", l.Reason)), " "))
	}
	return out
}

// TestJournal is what a connection leaves: its messages with what was decided, also where a fault
// keeps the answer back.
func TestJournal(t *testing.T) {
	var text bytes.Buffer
	r := New(Config{Empty: true, Journal: &text, RateLimit: 3, RatePer: time.Hour})
	c := enter(t, r, "demo")
	c.do("create", "D:<name>One.com</name>"+pw).want(1000)
	c.do("create", "D:<name>one.com</name>"+pw).want(2302)
	c.ask(epp("<hello/>"))
	faults, err := ParseFaults("close-after:cmd=check")
	if err != nil {
		t.Fatal(err)
	}
	r.SetFaults(faults)
	c.send(epp("<command>" + objectXML("check", "D:<name>one.com</name><name>two.com</name>") + "</command>"))
	c.ended()
	d := enter(t, r, "demo")
	r.SetFaults(nil)
	d.do("check", "D:<name>one.com</name>").want(2502) // the limit
	d.command("<logout/>").want(1500)
	d.ended()
	r.Close()
	got := lines(t, text.Bytes())
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	want := []string{
		"1 open 0 false",
		"1 message demo login id 1000 true",
		"1 message demo create one.com id 1000 true",
		"1 message demo create one.com id 2302 false",
		"1 message demo hello 0 false",
		"1 message demo check one.com two.com 1000 true",
		"1 close demo 0 false closed without an answer",
		"2 open 0 false",
		"2 message demo login id 1000 true",
		"2 message demo check one.com id 2502 false",
		"2 message demo logout id 1500 true",
		"2 close demo 0 false answered Command completed successfully; ending session",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// TestJournalWhileItLasts: a message stands in the journal before its answer has been waited for, with
// the instant at which it was read.
func TestJournalWhileItLasts(t *testing.T) {
	w := make(feed, 16)
	r := start(t, Config{Empty: true, Journal: w, Latency: time.Hour})
	c := connect(t, r)
	c.greet()
	before := time.Now()
	c.send(epp("<command>" + loginXML("demo", "demo-secret", "", "1.0", "en", allObjects) + "</command>"))
	<-w // open
	var l JournalLine
	if err := json.Unmarshal(<-w, &l); err != nil {
		t.Fatal(err)
	}
	if l.Command != "login" || !l.Executed || l.Time.Before(before.Round(0)) || l.Time.After(time.Now()) {
		t.Errorf("got %+v", l)
	}
}

// feed passes the lines of a journal on.
type feed chan []byte

func (f feed) Write(line []byte) (int, error) {
	f <- bytes.Clone(line)
	return len(line), nil
}

// TestJournalFails: a registry whose journal cannot be written serves all the same.
func TestJournalFails(t *testing.T) {
	r := start(t, Config{Empty: true, Journal: noSpace{}})
	enter(t, r, "demo").do("create", "D:<name>one.com</name>"+pw).want(1000)
}

type noSpace struct{}

func (noSpace) Write([]byte) (int, error) { return 0, errors.New("no space") }
