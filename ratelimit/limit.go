package ratelimit

import (
	"errors"
	"fmt"
	"time"
)

// Limit is one rule: at most N commands in any window of length Per, and at most Burst of them back
// to back. The zero value is not valid.
type Limit struct {
	N     int           // commands per window; at least 1
	Per   time.Duration // length of the window; at least N nanoseconds
	Burst int           // commands back to back, 1 to N; 0 means N
}

// Validate returns an error about the first field that is wrong, or nil. The text begins with the
// name of the field in the config file.
func (l Limit) Validate() error {
	switch {
	case l.N < 1:
		return fmt.Errorf("limit: must be at least 1, got %d", l.N)
	case l.Per <= 0:
		return fmt.Errorf("per: must be above 0, got %v", l.Per)
	case int64(l.N) > int64(l.Per):
		return errors.New("limit: more than one command in a nanosecond")
	case l.Burst < 0 || l.Burst > l.N:
		return fmt.Errorf("burst: must be 0 to limit (%d), got %d", l.N, l.Burst)
	}
	return nil
}

// String is the limit in the words of an operator: "100/1s", or "100/1s burst 10" if Burst is below
// N.
func (l Limit) String() string {
	if l.burst() == l.N {
		return fmt.Sprintf("%d/%v", l.N, l.Per)
	}
	return fmt.Sprintf("%d/%v burst %d", l.N, l.Per, l.Burst)
}

// Most is the largest number of slots that are admitted at once.
func (l Limit) Most() int { return l.burst() }

// burst is the number of commands back to back, 1 to N.
func (l Limit) burst() int {
	if l.Burst == 0 {
		return l.N
	}
	return l.Burst
}

// spacing is Per/N, rounded up so that no command is sent early.
func (l Limit) spacing() time.Duration {
	n := time.Duration(l.N)
	s := l.Per / n
	if l.Per%n != 0 {
		s++
	}
	return s
}

// tolerance is how far the spacing may run ahead of the clock: a burst of B is B-1 commands ahead.
func (l Limit) tolerance() time.Duration {
	return time.Duration(l.burst()-1) * l.spacing()
}

// numSlices is how many slices of a window are told apart. So a window is known to a thousandth, and a
// Bucket has 16 KiB for its answers, whatever N is. A limit of no more commands is kept exactly.
const numSlices = 1024

// grain is the length of a slice: the answers in it count as if all had come with the last one. 0:
// each answer counts by itself.
func (l Limit) grain() time.Duration {
	if l.N <= numSlices {
		return 0
	}
	return (l.Per + numSlices - 1) / numSlices
}

// runs is the number of runs of answers that a window can hold: one slice more than fit, since
// windows and slices do not begin together.
func (l Limit) runs() int { return min(l.N, numSlices+1) }
