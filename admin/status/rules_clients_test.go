package status

import (
	"testing"

	"eppmux/proxy"
)

// TestBlameWords: there are words for every fault of a client.
func TestBlameWords(t *testing.T) {
	for _, reason := range proxy.BlameReasons() {
		if faults[reason] == "" {
			t.Errorf("got no words for %s", reason)
		}
	}
	if faults[proxy.FaultyFrame] == "" {
		t.Errorf("got no words for %s", proxy.FaultyFrame)
	}
	if len(faults) != len(proxy.BlameReasons()) {
		t.Errorf("got words for %d, want for %d", len(faults), len(proxy.BlameReasons()))
	}
}
