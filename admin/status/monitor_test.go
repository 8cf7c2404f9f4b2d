package status

import "testing"

// TestMonitorStops: a page that is still asked for gets what was made last.
func TestMonitorStops(t *testing.T) {
	for _, asked := range []bool{false, true} {
		m := NewMonitor(MonitorConfig{Version: "v1", Subjects: func() []Subject { return nil }})
		if asked {
			m.Status()
		}
		m.Stop()
		if s := m.Status(); s == nil || s.Version != "v1" {
			t.Errorf("got %+v", s)
		}
	}
}
