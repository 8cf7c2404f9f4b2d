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
