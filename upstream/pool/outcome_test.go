package pool

import (
	"regexp"
	"slices"
	"testing"
)

var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// TestWords: each state, end and cause has a word of its own, fit for a label.
func TestWords(t *testing.T) {
	for kind, words := range map[string][]string{
		"cause": func() (all []string) {
			for c := range NumCauses {
				all = append(all, c.String())
			}
			return all
		}(),
		"end":   {EndNotSent.String(), EndAnswered.String(), EndUnknown.String()},
		"state": {SessionDialing.String(), SessionIdle.String(), SessionBusy.String(), SessionDraining.String(), SessionClosing.String()},
		"command in flight": {CommandInFlight.String(), HelloInFlight.String(), PollInFlight.String(),
			LogoutInFlight.String()},
	} {
		for i, w := range words {
			if !word.MatchString(w) {
				t.Errorf("%s %d has the word %q", kind, i, w)
			}
			if slices.Contains(words[:i], w) {
				t.Errorf("%s %d has the word %q of another", kind, i, w)
			}
		}
	}
	if NothingInFlight.String() != "" {
		t.Errorf("nothing in flight is called %q", NothingInFlight)
	}
}

// TestSessionCauses: every cause for which a session can end is in the list, once; those by our own
// choice and those out of step are told apart.
func TestSessionCauses(t *testing.T) {
	for i, c := range SessionCauses {
		if slices.Contains(SessionCauses[:i], c) {
			t.Errorf("%v is there twice", c)
		}
	}
	for _, c := range DesyncCauses {
		if !slices.Contains(SessionCauses, c) || c.ours() {
			t.Errorf("%v: out of step, and no cause of the registry's for which a session ends", c)
		}
	}
	for c := range NumCauses {
		if c.ours() && !slices.Contains(SessionCauses, c) {
			t.Errorf("%v is our choice, and no cause for which a session ends", c)
		}
	}
	for _, c := range []Cause{CauseNone, CauseQueueTimeout, CauseRegistryAway, CauseClientGone, CauseNoRoom, CauseAudit,
		CauseConnect, CauseTLS, CauseGreeting, CauseLoginRefused, CauseTooManySessions, CauseThrottled} {
		if slices.Contains(SessionCauses, c) {
			t.Errorf("a session that was opened ends for %v", c)
		}
	}
}
