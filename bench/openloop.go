package main

import (
	"runtime"
	"syscall"
	"time"
)

// schedule is an open loop: commands are due at even spaces, whether or not the earlier ones are
// answered, and each goes to the next client in turn. A latency counts from the instant at which
// the command was due, so it includes the wait for an earlier answer.
type schedule struct {
	rate    float64 // commands a second, of all clients together
	clients int
	total   int
}

func newSchedule(rate float64, clients int, d time.Duration) schedule {
	return schedule{rate, clients, int(rate * d.Seconds())}
}

// due returns when command k is due, from the beginning. k counts from 0.
func (s schedule) due(k int) time.Duration {
	return time.Duration(float64(k) / s.rate * float64(time.Second))
}

// client returns the client that sends command k.
func (s schedule) client(k int) int { return k % s.clients }

// each returns the most commands that one client gets.
func (s schedule) each() int { return (s.total + s.clients - 1) / s.clients }

// run hands out the commands at their times, and returns when all are handed out. It has a thread
// of its own, since the timers of the Go runtime are up to a millisecond late. Each channel of to
// must take each() values without blocking.
func (s schedule) run(begin time.Time, to []chan time.Time) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for k := range s.total {
		at := begin.Add(s.due(k))
		for d := time.Until(at); d > 0; d = time.Until(at) {
			ts := syscall.NsecToTimespec(d.Nanoseconds())
			_ = syscall.Nanosleep(&ts, nil)
		}
		to[s.client(k)] <- at
	}
}
