package status

import "testing"

func TestHeadline(t *testing.T) {
	for _, tt := range []struct {
		gravities []Gravity
		want      string
	}{
		{nil, "No registry is served"},
		{[]Gravity{OK}, "All well"},
		{[]Gravity{OK, OK}, "All 2 registries are well"},
		{[]Gravity{Look}, "The registry needs a look"},
		{[]Gravity{Broken}, "The registry is broken"},
		{[]Gravity{Look, OK}, "1 of 2 registries needs a look"},
		{[]Gravity{Look, Look, OK}, "2 of 3 registries need a look"},
		{[]Gravity{Broken, OK}, "1 of 2 registries is broken"},
		{[]Gravity{Broken, Broken, Look}, "2 of 3 registries are broken, 1 needs a look"},
	} {
		s := new(Status)
		for _, g := range tt.gravities {
			s.Registries = append(s.Registries, Registry{Gravity: g})
		}
		if got := s.Headline(); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.gravities, got, tt.want)
		}
	}
}

func TestHeadlineStopping(t *testing.T) {
	s := &Status{Stopping: true, Registries: []Registry{{Gravity: Broken}, {Gravity: Look}}}
	if got := s.Headline(); got != "eppmux is stopping" {
		t.Errorf("got %q", got)
	}
}

// TestRanked: the gravest first, and else in the order of the config; the registries are those of
// the status.
func TestRanked(t *testing.T) {
	s := &Status{Registries: []Registry{{Name: "a"}, {Name: "b", Gravity: Look}, {Name: "c", Gravity: Broken}, {Name: "d", Gravity: Look}, {Name: "e"}, {Name: "f", Gravity: Broken}}}
	var got string
	for _, r := range s.Ranked() {
		got += r.Name
	}
	if got != "cfbdae" {
		t.Errorf("got %s", got)
	}
	if s.Ranked()[0] != &s.Registries[2] {
		t.Error("got a copy")
	}
	if got := new(Status).Ranked(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestVerdict(t *testing.T) {
	r := &Registry{Gravity: Broken}
	if got := r.Verdict(); got != (Finding{Gravity: Broken}) {
		t.Errorf("a status from elsewhere: got %+v", got)
	}
	r.Findings = []Finding{{Gravity: Look, Rule: "slow"}, {Gravity: Look, Rule: "unknown"}}
	if got := r.Verdict(); got.Rule != "slow" {
		t.Errorf("got %+v", got)
	}
}
