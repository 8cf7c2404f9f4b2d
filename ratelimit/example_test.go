package ratelimit_test

import (
	"fmt"
	"time"

	"eppmux/ratelimit"
)

func Example() {
	// Three commands a second, each of them answered after 20 ms: the fourth waits until a second
	// after the first answer.
	b := ratelimit.NewBucket(ratelimit.Limit{N: 3, Per: time.Second})
	var now time.Duration
	for i := range 5 {
		if at := b.Next(now); at > now {
			fmt.Println("wait until", at)
			now = at
		}
		b.Take(now)
		fmt.Println("command", i, "at", now)
		now += 20 * time.Millisecond
		b.Done(now)
	}
	// Output:
	// command 0 at 0s
	// command 1 at 20ms
	// command 2 at 40ms
	// wait until 1.02s
	// command 3 at 1.02s
	// command 4 at 1.04s
}

// A burst below the limit spaces what is beyond it: here a quarter of a second.
func ExampleBucket_burst() {
	b := ratelimit.NewBucket(ratelimit.Limit{N: 4, Per: time.Second, Burst: 2})
	var now time.Duration
	for range 4 {
		now = b.Next(now)
		b.Take(now)
		b.Done(now)
		fmt.Println(now)
	}
	// Output:
	// 0s
	// 0s
	// 250ms
	// 500ms
}
