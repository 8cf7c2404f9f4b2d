package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// evidence is what a judge goes by: what clients have seen, what the registry has seen, and what the
// hosts have written down.
type evidence struct {
	sent     []sent
	journal  []journalLine // with host set
	breaches map[string]int
	audits   map[string][]auditMark // by host
	// What is allowed.
	refused  int           // logins above the number of sessions
	rate     int           // commands in any window; 0: no limit
	per      time.Duration // the window
	deadline time.Duration // of a command, from its sending to its end
	sharing  bool          // hosts forward: each one that had a hand in a transform has it in its log
}

// auditMark is what the judge reads of a line of an audit log.
type auditMark struct {
	Event, Command, MuxTRID, ClTRID, End string
	Names                                []string
}

// auditMarks reads an audit log, but for a last line that is cut off.
func auditMarks(t *testing.T, file string) []auditMark {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []auditMark
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		var m auditMark
		if json.Unmarshal(s.Bytes(), &m) == nil {
			all = append(all, m)
		}
	}
	return all
}

// key is a command that is sent once: its kind, and a name that no other has.
func key(command, name string) string { return command + " " + name }

// notExecuted are answers behind which a command may be sent again: the registry has not executed it.
var notExecuted = []int{2002, 2200, 2201, 2502}

// judge returns what is against the rules, a few of each kind; nothing: all is well.
func (e *evidence) judge() []string {
	var found []string
	for _, rule := range []func(*evidence) []string{
		(*evidence).astray, (*evidence).twice, (*evidence).falselyUnsent, (*evidence).otherAnswers, (*evidence).unannounced,
		(*evidence).repeatedIDs, (*evidence).breached, (*evidence).twoWriters, (*evidence).tooFast, (*evidence).late,
	} {
		some := rule(e)
		if n := len(some); n > 5 {
			some = append(some[:5:5], fmt.Sprintf("and %d more like it", n-5))
		}
		found = append(found, some...)
	}
	return found
}

// astray: answers that are not those of their commands.
func (e *evidence) astray() (found []string) {
	for i := range e.sent {
		if s := &e.sent[i]; s.end == wrong {
			found = append(found, fmt.Sprintf("client %d: astray: %s, clTRID %s, got %s", s.client, key(s.command, s.name), s.trid, s.strange))
		}
	}
	return found
}

// transforms are those that came to the registry and were not refused unseen, by key.
func (e *evidence) transforms() map[string][]*journalLine {
	all := map[string][]*journalLine{}
	for i := range e.journal {
		l := &e.journal[i]
		if l.Event == "message" && l.transform() && !slices.Contains(notExecuted, l.Code) {
			k := key(l.Command, l.name())
			all[k] = append(all[k], l)
		}
	}
	return all
}

// twice: transforms that came to the registry again.
func (e *evidence) twice() (found []string) {
	for k, all := range e.transforms() {
		if len(all) > 1 {
			found = append(found, fmt.Sprintf("twice: %s: from %s as %s, and from %s as %s", k, all[0].host, all[0].ClTRID, all[1].host, all[1].ClTRID))
		}
	}
	return found
}

// falselyUnsent: commands that are said to be not sent, and came to the registry.
func (e *evidence) falselyUnsent() (found []string) {
	came := e.transforms()
	for i := range e.sent {
		s := &e.sent[i]
		if all := came[key(s.command, s.name)]; s.transform() && (s.end == notSent || s.end == heldBack) && len(all) > 0 {
			found = append(found, fmt.Sprintf("not sent, client %d: %s came to the registry at %v as %s", s.client, key(s.command, s.name), all[0].Time, all[0].ClTRID))
		}
	}
	return found
}

// otherAnswers: transforms whose answer is not what the registry has answered.
func (e *evidence) otherAnswers() (found []string) {
	came := e.transforms()
	for i := range e.sent {
		s := &e.sent[i]
		if !s.transform() || s.end != answered || slices.Contains(notExecuted, s.code) {
			continue
		}
		code := 0
		if all := came[key(s.command, s.name)]; len(all) > 0 {
			code = all[0].Code
		}
		if code != s.code {
			found = append(found, fmt.Sprintf("other answer, client %d: %s got %d, and the registry has answered %d", s.client, key(s.command, s.name), s.code, code))
		}
	}
	return found
}

// unannounced: transforms that came to the registry, and are not in the audit log of the host that sent
// them, or of the host of the client, under the id that the registry has seen.
func (e *evidence) unannounced() (found []string) {
	announced := map[string]bool{}
	for h, marks := range e.audits {
		for _, m := range marks {
			if m.Event == "sending" && len(m.Names) > 0 {
				announced[h+" "+key(m.Command, m.Names[0])+" "+m.MuxTRID] = true
			}
		}
	}
	origin := map[string]*sent{}
	for i := range e.sent {
		origin[key(e.sent[i].command, e.sent[i].name)] = &e.sent[i]
	}
	for k, all := range e.transforms() {
		for _, l := range all {
			hosts := []string{l.host}
			if s := origin[k]; s != nil && e.sharing && s.host != l.host {
				hosts = append(hosts, s.host)
			}
			for _, h := range hosts {
				if !announced[h+" "+k+" "+l.ClTRID] {
					found = append(found, fmt.Sprintf("unannounced: %s came from %s as %s, and the audit log of %s does not have it", k, l.host, l.ClTRID, h))
				}
			}
		}
	}
	return found
}

// repeatedIDs: a muxTRID that the registry has seen before. What stands behind its first hyphen is the
// client's own clTRID, which would hide a repetition.
func (e *evidence) repeatedIDs() (found []string) {
	seen := map[string]*journalLine{}
	for i := range e.journal {
		l := &e.journal[i]
		if l.Event != "message" || l.ClTRID == "" {
			continue
		}
		id, _, _ := strings.Cut(l.ClTRID, "-")
		if before := seen[id]; before != nil {
			found = append(found, fmt.Sprintf("repeated id: %s from %s, and %s from %s", before.ClTRID, before.host, l.ClTRID, l.host))
		}
		seen[id] = l
	}
	return found
}

// breached: what the registry itself counts.
func (e *evidence) breached() (found []string) {
	for kind, n := range e.breaches {
		if kind == "TooManySessions" {
			n = max(0, n-e.refused)
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("breach: %s, %d", kind, n))
		}
	}
	slices.Sort(found)
	return found
}

// twoWriters: a connection of a host on which something comes after another host has written something
// on a younger one. A host that owns the account again opens new connections.
func (e *evidence) twoWriters() (found []string) {
	youngest := map[string]uint64{} // by host: the youngest connection on which something has come
	for i := range e.journal {
		l := &e.journal[i]
		if l.Event != "message" {
			continue
		}
		for h, c := range youngest {
			if h != l.host && c > l.Connection {
				found = append(found, fmt.Sprintf("two writers: %s %s from %s at %v on connection %d, after %s has written on %d", l.Command,
					l.name(), l.host, l.Time.Format("15:04:05.000"), l.Connection, h, c))
			}
		}
		youngest[l.host] = max(youngest[l.host], l.Connection)
	}
	return found
}

// tooFast: more commands in a window than the limit has, by the journal's own times.
func (e *evidence) tooFast() (found []string) {
	var at []time.Time
	for i := range e.journal {
		if l := &e.journal[i]; l.counts() {
			at = append(at, l.Time)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	for i := e.rate; e.rate > 0 && i < len(at); i++ {
		if d := at[i].Sub(at[i-e.rate]); d < e.per {
			found = append(found, fmt.Sprintf("too fast: %d commands in %v up to %v", e.rate+1, d, at[i].Format("15:04:05.000")))
		}
	}
	return found
}

// late: commands whose end came after their deadline.
func (e *evidence) late() (found []string) {
	for i := range e.sent {
		if s := &e.sent[i]; s.done.Sub(s.at) > e.deadline {
			found = append(found, fmt.Sprintf("late, client %d at %s: %s took %v", s.client, s.host, key(s.command, s.name), s.done.Sub(s.at)))
		}
	}
	return found
}

// ends counts commands by how they ended, queries and transforms apart.
func (e *evidence) ends() (queries, transforms [wrong + 1]int) {
	for i := range e.sent {
		if s := &e.sent[i]; s.transform() {
			transforms[s.end]++
		} else {
			queries[s.end]++
		}
	}
	return queries, transforms
}

// unknown counts transforms behind which the connection ended, and how many of them came to the
// registry.
func (e *evidence) unknown() (all, executed int) {
	came := e.transforms()
	for i := range e.sent {
		if s := &e.sent[i]; s.transform() && s.end == closed {
			all++
			if len(came[key(s.command, s.name)]) > 0 {
				executed++
			}
		}
	}
	return all, executed
}
