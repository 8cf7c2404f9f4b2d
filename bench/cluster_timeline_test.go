package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// timeline are the instants at which commands were answered, in their order.
type timeline []time.Time

// answersOf returns when the registry's answers came to clients; keep picks commands, nil: all.
func answersOf(all []sent, keep func(*sent) bool) timeline {
	var tl timeline
	for i := range all {
		if s := &all[i]; s.end == answered && (keep == nil || keep(s)) {
			tl = append(tl, s.done)
		}
	}
	slices.SortFunc(tl, time.Time.Compare)
	return tl
}

// within are those from one instant to another.
func (tl timeline) within(from, to time.Time) timeline {
	i, _ := slices.BinarySearchFunc(tl, from, time.Time.Compare)
	j, _ := slices.BinarySearchFunc(tl, to, time.Time.Compare)
	return tl[i:max(i, j)]
}

// pause is the longest time without an answer, between two instants.
func (tl timeline) pause(from, to time.Time) time.Duration {
	longest, last := time.Duration(0), from
	for _, at := range append(slices.Clone(tl.within(from, to)), to) {
		longest, last = max(longest, at.Sub(last)), at
	}
	return longest
}

// rate is answers a second between two instants.
func (tl timeline) rate(from, to time.Time) float64 {
	return float64(len(tl.within(from, to))) / to.Sub(from).Seconds()
}

// draw shows answers in each 100 ms, a character each: a dot for none, digits up to 9, then +.
func (tl timeline) draw(from, to time.Time) string {
	const step = 100 * time.Millisecond
	var b strings.Builder
	for n := 0; from.Before(to); n, from = n+1, from.Add(step) {
		if n%100 == 0 {
			fmt.Fprintf(&b, "\n%4ds ", n/10)
		} else if n%10 == 0 {
			b.WriteByte(' ')
		}
		switch k := len(tl.within(from, from.Add(step))); {
		case k == 0:
			b.WriteByte('.')
		case k < 10:
			b.WriteByte(byte('0' + k))
		default:
			b.WriteByte('+')
		}
	}
	return b.String()
}
