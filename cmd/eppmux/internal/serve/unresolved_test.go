package serve

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnresolvedStops: a reading that the disk does not end keeps nobody: I14.
func TestUnresolvedStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUnresolved(slog.New(slog.DiscardHandler)) // whose reading does not end
		began := time.Now()
		u.stop()
		if took := time.Since(began); took > unresolvedShutdown {
			t.Errorf("took %v", took)
		}
	})
}
