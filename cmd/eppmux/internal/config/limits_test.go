package config

import (
	"slices"
	"testing"
	"time"

	"eppmux/frame"
	"eppmux/ratelimit"
)

// TestLimitNames: a limit has the name that it says, and keeps it wherever it stands.
func TestLimitNames(t *testing.T) {
	create, check := LimitedCommand{Command: frame.CommandCreate}, LimitedCommand{Command: frame.CommandCheck}
	request, renew := LimitedCommand{Command: frame.CommandTransfer, Op: frame.OpRequest}, LimitedCommand{Command: frame.CommandRenew}
	limit := func(n int, per time.Duration, commands ...LimitedCommand) RateLimit {
		return RateLimit{Limit: ratelimit.Limit{N: n, Per: per}, Scope: ScopeRegistry, Commands: commands}
	}
	named, session, shadow := limit(5, time.Second, check), limit(1, 500*time.Millisecond, LimitedCommand{}), limit(7, 24*time.Hour, request, create, renew)
	named.Name, session.Scope, shadow.Shadow = "all-100-per-1s", ScopeSession, true
	limits := []RateLimit{limit(100, time.Second, LimitedCommand{}), named, session, shadow, limit(3, 90*time.Minute, request, create, renew, check),
		limit(2, 3*time.Nanosecond, check), limit(2, 3*time.Nanosecond, check), limit(2, 3*time.Microsecond, check)}
	objects := limit(1000, time.Second, check)
	objects.Unit = UnitObjects
	limits = append(limits, objects)
	want := []string{"all-100-per-1s-2", "all-100-per-1s", "all-1-per-500ms-session", "create-renew-transfer-request-7-per-24h-shadow",
		"check-create-renew-1-more-3-per-90m", "check-2-per-3ns", "check-2-per-3ns-2", "check-2-per-3us",
		"check-1000-objects-per-1s"}
	if got := LimitNames(limits); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	slices.Reverse(limits[2:6])
	slices.Reverse(want[2:6])
	if got := LimitNames(limits); !slices.Equal(got, want) {
		t.Errorf("in another order: got %q\nwant %q", got, want)
	}
}
