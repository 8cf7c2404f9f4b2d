package status

import (
	"testing"

	"eppmux/upstream/pool"
)

// TestOwnSessionCounted: 2502 behind the end of a session of ours sends nobody to look for others.
func TestOwnSessionCounted(t *testing.T) {
	r := working()
	r.Ready, r.TroubleReason, r.Trouble = false, pool.CauseTooManySessions.String(), "login: result code 2502"
	r.OwnCounted, r.NextTrySeconds = true, 2
	want := Finding{Broken, "own_session_counted", whoseRegistry,
		"registry still counts a session of ours that has ended (2502): result code 2502", "wait; next attempt in 2 s"}
	if f := noSession(&r); f == nil || *f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
}

// TestClosedAtLogin: a registry that ends further sessions at the login is told of once, by that.
func TestClosedAtLogin(t *testing.T) {
	r := working()
	r.TroubleReason, r.Trouble = pool.CauseRegistryClosed.String(), "login: EOF"
	r.Sessions.Allowed, r.Sessions.Max = 1, 3
	if f := fewerSessions(&r); f == nil || f.Text != "registry grants only 1 of 3 sessions (it ends further ones at the login)" {
		t.Errorf("got %+v", f)
	}
	if f := unopened(&r); f != nil {
		t.Errorf("got %+v besides", f)
	}
}

// TestIdleEnds: a measured silence is named, also while no session is open for it. The advice is rounded
// down.
func TestIdleEnds(t *testing.T) {
	r := working()
	if f := idleEnds(&r); f != nil {
		t.Errorf("got %+v", f)
	}
	r.IdleLimitSeconds, r.Sessions.Idle = 20.6, 0
	want := Finding{Look, "idle_limit", whoseConfig, "sessions end after 21 s of silence", "set sessions.keepalive below 20 s"}
	if f := idleEnds(&r); f == nil || *f != want {
		t.Errorf("got %+v, want %+v", f, want)
	}
	if f := connecting(&r); f != nil {
		t.Errorf("got %+v besides", f)
	}
}
