package main

import (
	"runtime"
	"syscall"
	"time"
)

// schedule is an open loop: commands are due at even spaces whatever becomes of those before them,
// and each goes to the next client in turn. Times count from the intended ones, so that a command
// that has to wait for the answer before it shows that wait.
type schedule struct {
	rate    float64 // commands a second, of all clients together
	clients int
	total   int
}

func newSchedule(rate float64, clients int, d time.Duration) schedule {
	return schedule{rate, clients, int(rate * d.Seconds())}
}

// due is when command k, counted from 0, is to be sent, from the beginning.
func (s schedule) due(k int) time.Duration {
	return time.Duration(float64(k) / s.rate * float64(time.Second))
}

// client is whose turn command k is.
func (s schedule) client(k int) int { return k % s.clients }

// each is the most commands that one client gets.
func (s schedule) each() int { return (s.total + s.clients - 1) / s.clients }

// run hands out the commands at their times, from a thread of its own: the timers of the Go runtime
// are up to a millisecond late. to takes each() values per client without blocking. It returns when
// all are handed out.
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
