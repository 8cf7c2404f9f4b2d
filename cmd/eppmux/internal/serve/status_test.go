package serve

import (
	"strings"
	"testing"
	"time"
)

// TestStatusFollowsReloads: registries that come and go, and what the log warned of.
func TestStatusFollowsReloads(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("", "a", "b")
	st.want(st.reload(), "added=b")
	if s := st.s.monitor.Status(); len(s.Registries) != 2 || s.Registries[1].Name != "b" {
		t.Errorf("got %+v", s)
	}
	st.write("nonsense: 1", "a")
	st.want(st.reload(), "reload refused")
	for deadline := time.Now().Add(20 * time.Second); ; {
		s := st.s.monitor.Status()
		if len(s.Events) == 1 && strings.Contains(s.Events[0].Detail, "unknown key") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v", s.Events)
		}
	}
}
