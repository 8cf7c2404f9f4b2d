package ratelimit

import (
	"strings"
	"testing"
	"time"
)

func TestLimitValidate(t *testing.T) {
	for _, tt := range []struct {
		limit Limit
		want  string // part of the error; empty: valid
	}{
		{Limit{N: 1, Per: time.Second}, ""},
		{Limit{N: 100, Per: time.Second, Burst: 10}, ""},
		{Limit{N: 100, Per: time.Second, Burst: 100}, ""},
		{Limit{N: 1, Per: 1}, ""},
		{Limit{}, "limit: must be at least 1, got 0"},
		{Limit{N: -3, Per: time.Second}, "limit: must be at least 1, got -3"},
		{Limit{N: 1}, "per: must be above 0"},
		{Limit{N: 1, Per: -time.Second}, "per: must be above 0, got -1s"},
		{Limit{N: 2, Per: 1}, "in a nanosecond"},
		{Limit{N: 5, Per: time.Second, Burst: 6}, "burst: must be 0 to limit (5), got 6"},
		{Limit{N: 5, Per: time.Second, Burst: -1}, "burst: must be 0 to limit (5), got -1"},
	} {
		err := tt.limit.Validate()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: got %v, want no error", tt.limit, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%+v: got %v, want %q", tt.limit, err, tt.want)
		}
	}
}

func TestLimitString(t *testing.T) {
	for _, tt := range []struct {
		limit Limit
		want  string
	}{
		{Limit{N: 100, Per: time.Second}, "100/1s"},
		{Limit{N: 100, Per: time.Second, Burst: 100}, "100/1s"},
		{Limit{N: 3, Per: time.Minute, Burst: 1}, "3/1m0s burst 1"},
	} {
		if got := tt.limit.String(); got != tt.want {
			t.Errorf("%#v: got %q, want %q", tt.limit, got, tt.want)
		}
	}
}

func TestLimitSpacing(t *testing.T) {
	for _, tt := range []struct {
		limit              Limit
		spacing, tolerance time.Duration
	}{
		{Limit{N: 100, Per: time.Second, Burst: 1}, 10 * time.Millisecond, 0},
		{Limit{N: 100, Per: time.Second, Burst: 10}, 10 * time.Millisecond, 90 * time.Millisecond},
		{Limit{N: 3, Per: 10, Burst: 2}, 4, 4}, // rounded up
		{Limit{N: 4, Per: 8}, 2, 6},            // burst 0 is N
	} {
		if got := tt.limit.spacing(); got != tt.spacing {
			t.Errorf("%v: got spacing %v, want %v", tt.limit, got, tt.spacing)
		}
		if got := tt.limit.tolerance(); got != tt.tolerance {
			t.Errorf("%v: got tolerance %v, want %v", tt.limit, got, tt.tolerance)
		}
	}
}
