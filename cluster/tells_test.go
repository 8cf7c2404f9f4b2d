package cluster

import "testing"

func TestTells(t *testing.T) {
	lease := Lease{Version: 1, Host: "a", Instance: "a-1", Term: 3, Beat: 7, Wall: 1000}
	beat, term, released, other := lease, lease, lease, lease
	beat.Beat, beat.Wall, beat.Kept = 8, 2000, true
	term.Term, released.Released, other.Instance = 4, true, "b-1"
	member := Member{Version: 1, Host: "a", Instance: "a-1", Beat: 1}
	next, leaving, anew := member, member, member
	next.Beat, next.Wall, leaving.Leaving, anew.Instance = 2, 3, true, "a-2"
	for i, c := range []struct {
		table    Table
		old, now any // nil: none
		want     bool
	}{
		{Leases, lease, beat, false}, {Leases, lease, term, true}, {Leases, lease, released, true},
		{Leases, lease, other, true}, {Leases, nil, lease, true}, {Leases, lease, nil, true}, {Leases, "1", "11", true},
		{Members, member, next, false}, {Members, member, leaving, true}, {Members, member, anew, true},
		{Members, nil, member, true}, {Members, member, nil, true},
		{Ledgers, "1", "2", false}, {Identities, "1", "2", false}, {Settings, nil, "2", false},
	} {
		var old, now []byte
		if c.old != nil {
			old = write(c.old)
		}
		if c.now != nil {
			now = write(c.now)
		}
		if got := Tells(Record{Table: c.table, Key: "a", Value: now}, old); got != c.want {
			t.Errorf("%d: %s to %s in %v: %v", i, old, now, c.table, got)
		}
	}
}
