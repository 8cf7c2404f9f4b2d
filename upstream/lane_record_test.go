package upstream

import (
	"strings"
	"testing"
	"testing/synctest"

	"eppmux/upstream/pool"
)

// TestLaneRecorded: both hosts keep a record of a forwarded transform, under the same muxTRID, each before
// it sends. The owner's names the host, the follower's the client.
func TestLaneRecorded(t *testing.T) {
	books := new(bookkeeper)
	inShop(t, func(c *Config) { c.Audit, c.Pool.Record = books, pool.RecordAlways }, func(s *shop) {
		s.lead()
		a := s.b.ask(deleteCommand("<clTRID>C</clTRID>"))
		if s.wantEvents(books); s.reg.count("C") > 0 {
			t.Fatal("sent to the owner before it was recorded")
		}
		s.b.recorded(s.books, true)
		synctest.Wait()
		if s.wantEvents(books, "sending"); s.reg.count("C") > 0 {
			t.Fatal("sent to the registry before it was recorded")
		}
		s.recorded(books, true)
		if e := a.end(); e.End != pool.EndAnswered {
			t.Fatalf("got %+v", e)
		}
		s.wantEvents(books, "sending", "answered")
		s.b.wantEvents(s.books, "sending", "answered")
		far, near := s.books.entries, books.entries
		for i := range near {
			if id := string(near[i].MuxTRID); id != string(far[i].MuxTRID) || !strings.HasSuffix(id, "-C") || id != s.reg.ids[0] {
				t.Errorf("got muxTRIDs %q and %q, %q at the registry", id, far[i].MuxTRID, s.reg.ids[0])
			}
			if near[i].Listener != "peer" || near[i].Client != "b" || string(far[i].ClTRID) != "C" {
				t.Errorf("got %+v and %+v", near[i], far[i])
			}
		}
	})
}
