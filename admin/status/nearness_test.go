package status

import (
	"testing"
	"time"
)

func TestExpiryStep(t *testing.T) {
	const year = 365 * day
	for _, tt := range []struct {
		left, life time.Duration
		want       ExpiryStep
	}{
		{60 * day, year, ExpiryFar},
		{30 * day, year, ExpiryFar},
		{30*day - 1, year, ExpiryMonth},
		{7 * day, year, ExpiryMonth},
		{7*day - 1, year, ExpiryWeek},
		{day, year, ExpiryWeek},
		{day - 1, year, ExpiryDay},
		{1, year, ExpiryDay},
		{0, year, ExpiryReached},
		{-1, year, ExpiryReached},
		{29 * day, 60 * day, ExpiryMonth},
		{29 * day, 60*day - 1, ExpiryFar}, // half its life is less than 30 days
		{6 * day, 14 * day, ExpiryWeek},
		{6 * day, 14*day - 1, ExpiryFar},
		{time.Hour, 2 * day, ExpiryDay},
		{time.Hour, 2*day - 1, ExpiryFar}, // renewed by a program every day
		{0, time.Hour, ExpiryReached},
		{time.Hour, forever, ExpiryDay},
	} {
		if got := ExpiryStepOf(tt.left, tt.life); got != tt.want {
			t.Errorf("%v of %v: got %d, want %d", tt.left, tt.life, got, tt.want)
		}
	}
}

func TestExpiryGravity(t *testing.T) {
	for _, tt := range []struct {
		left, life time.Duration
		want       Gravity
	}{
		{14 * day, 365 * day, OK},
		{14*day - 1, 365 * day, Look},
		{1, 365 * day, Look},
		{0, 365 * day, Broken},
		{-day, 365 * day, Broken},
		{14*day - 1, 112 * day, Look}, // an eighth is 14 days
		{10 * day, 80 * day, OK},
		{10*day - 1, 80 * day, Look},
		{time.Hour, 8 * time.Hour, OK},
		{time.Hour - 1, 8 * time.Hour, Look},
		{14*day - 1, forever, Look},
		{14 * day, forever, OK},
	} {
		if got := ExpiryGravity(tt.left, tt.life); got != tt.want {
			t.Errorf("%v of %v: got %v, want %v", tt.left, tt.life, got, tt.want)
		}
	}
}

// TestExpiryMeasuresAgree: whatever the life, the page never looks before the log has warned, and
// both say the same of what is over.
func TestExpiryMeasuresAgree(t *testing.T) {
	for life := 4 * day; life < 800*day; life += 7 * time.Hour {
		for left := -day; left <= life; left += life / 64 {
			step, gravity := ExpiryStepOf(left, life), ExpiryGravity(left, life)
			if (step == ExpiryReached) != (gravity == Broken) {
				t.Fatalf("%v of %v: got %d and %v", left, life, step, gravity)
			}
			if gravity == Look && step == ExpiryFar && life >= 60*day {
				t.Fatalf("%v of %v: the page looks and the log has not warned", left, life)
			}
		}
	}
}
