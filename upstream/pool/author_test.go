package pool

import "testing"

// TestKindSets: a set has the kinds that were put in, and of the first 64 no others.
func TestKindSets(t *testing.T) {
	for in := range Kind(64) {
		s := Kinds{}.With(in)
		for k := range Kind(64) {
			if s.Has(k) != (k == in) {
				t.Errorf("with %d in it, has %d: %v", in, k, s.Has(k))
			}
		}
	}
	if !(Kinds{}).With(255).Has(255) {
		t.Error("the last kind is not in the set that it was put in")
	}
}
