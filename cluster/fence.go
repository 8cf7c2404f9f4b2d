package cluster

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Clocks are the two clocks of a host. A lease holds only by both of them.
type Clocks interface {
	// Boot is the time since any fixed moment by a clock that nobody sets, and that goes on while the
	// machine is suspended.
	Boot() time.Duration
	// Wall is the wall clock, as time since 1970. It shows that a virtual machine was paused, which
	// no other clock of it does.
	Wall() time.Duration
}

// SystemClocks are those of this host.
var SystemClocks Clocks = new(systemClocks)

// systemClocks reads CLOCK_BOOTTIME by a system call only where it may have moved against the monotonic
// clock, which Go reads without one. It does so while the machine is suspended; then the wall clock has
// moved against the monotonic clock as well.
type systemClocks struct{ seen atomic.Pointer[reading] }

// reading is the clocks of one moment.
type reading struct {
	at   time.Time
	boot time.Duration
}

// bootSlack is by how much the wall clock may move against the monotonic one, before the boot clock is
// read again.
const bootSlack = 5 * time.Millisecond

func (c *systemClocks) Boot() time.Duration {
	now := time.Now()
	if r := c.seen.Load(); r != nil {
		mono := now.Sub(r.at)
		wall := time.Duration(now.UnixNano() - r.at.UnixNano())
		if !drifted(mono, wall) {
			return r.boot + mono
		}
	}
	return c.read()
}

// read asks for the boot clock, and remembers it where that took no time.
func (c *systemClocks) read() time.Duration {
	for try := 0; ; try++ {
		r := &reading{at: time.Now(), boot: bootTime()}
		if time.Since(r.at) < bootSlack {
			c.seen.Store(r)
			return r.boot
		}
		if try == 3 {
			return r.boot
		}
	}
}

// drifted reports whether the monotonic and the wall clock have moved apart, by what each has gone on.
func drifted(mono, wall time.Duration) bool {
	d := wall - mono
	return d <= -bootSlack || d >= bootSlack
}

func bootTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("cluster: CLOCK_BOOTTIME: " + err.Error()) // Linux has it since 2.6.39
	}
	return time.Duration(t.Nano())
}

func (*systemClocks) Wall() time.Duration { return time.Duration(time.Now().UnixNano()) }

// Instant is a moment by both clocks.
type Instant struct{ Boot, Wall time.Duration }

// Now returns the moment of now.
func Now(c Clocks) Instant { return Instant{c.Boot(), c.Wall()} }

// Fence is the instant from which an owner writes nothing more to the registry, by both clocks: it has
// passed when it has passed by one. Any goroutine may use it.
//
// Who was told by Passed that it has, has given the account up. So a lease whose renewal is known only then
// does not go on.
type Fence struct {
	clocks     Clocks
	boot, wall atomic.Int64 // nanoseconds; 0: it has passed
	met        atomic.Bool  // Passed has said so, behind the first Set
}

// NewFence returns one that has passed.
func NewFence(c Clocks) *Fence { return &Fence{clocks: c} }

// Set moves the fence to a lease's end: asked is the moment before the request that was granted. It reports
// false where the fence was met before; it stays one that has passed.
func (f *Fence) Set(asked Instant, ttl time.Duration) bool {
	if f.met.Load() {
		f.End()
		return false
	}
	d := ttl - ttl/10
	f.wall.Store(int64(asked.Wall + d))
	f.boot.Store(int64(asked.Boot + d))
	return true
}

// End makes the fence one that has passed, until Set.
func (f *Fence) End() { f.boot.Store(0) }

// Passed reports whether nothing more may be written. It reads the clocks: about 0.2 us.
func (f *Fence) Passed() bool {
	if f.Left() > 0 {
		return false
	}
	if f.boot.Load() != 0 {
		f.met.Store(true) // Set may have moved it meanwhile; the next one finds it met
	}
	return true
}

// Left returns the time until the fence; 0 or less: it has passed.
func (f *Fence) Left() time.Duration {
	boot := f.boot.Load()
	if boot == 0 {
		return 0
	}
	return min(time.Duration(boot)-f.clocks.Boot(), time.Duration(f.wall.Load())-f.clocks.Wall())
}
