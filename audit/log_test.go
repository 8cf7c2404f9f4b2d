package audit

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRecordedIsWritten: when done is called the line is in the file.
func TestRecordedIsWritten(t *testing.T) {
	s := open(t, nil)
	there := make(chan bool, 1)
	s.log.Record(sending("M1"), 0, func(_ uint64, ok bool) {
		data, err := os.ReadFile(s.path)
		there <- ok && err == nil && strings.Contains(string(data), `"muxtrid":"M1"`) && strings.HasSuffix(string(data), "\n")
	})
	s.log.Flush()
	if !<-there {
		t.Error("done was called before the line was in the file, or with false")
	}
	s.add(ended("M1", "answered", 1000))
	s.close()
	s.want(0, "start", "sending M1", "end M1", "stop")
	if info, err := os.Stat(s.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
	s.start(nil)
	s.close()
	s.want(0, "start", "sending M1", "end M1", "stop", "start", "stop")
}

// TestManyAtOnce: lines of all goroutines are whole, and in order for each.
func TestManyAtOnce(t *testing.T) {
	s := open(t, func(c *Config) { c.MaxSize = 1 << 16 })
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				id := fmt.Sprintf("M%d-%03d", g, i)
				if !<-s.note(sending(id)) {
					t.Errorf("%s could not be recorded", id)
				}
				s.add(ended(id, "answered", 1000))
			}
		})
	}
	wg.Wait()
	s.close()
	got, broken := s.events()
	if broken > 0 || len(got) != 8*100*2+2 {
		t.Errorf("got %d lines and %d broken ones", len(got), broken)
	}
	for g := range 8 {
		mine := slices.DeleteFunc(slices.Clone(got), func(e string) bool { return !strings.Contains(e, fmt.Sprintf(" M%d-", g)) })
		for i, e := range mine {
			if want := fmt.Sprintf("%s M%d-%03d", []string{"sending", "end"}[i%2], g, i/2); e != want {
				t.Fatalf("%d: got %q, want %q", i, e, want)
			}
		}
	}
	if c, held := s.counts(); c.records != 1600 || c.allLost() != 0 || held != 0 {
		t.Errorf("got %+v, %d held", c, held)
	}
}

// TestDiskFull: what was cut off is recorded in vain, comes again whole when there is room, and
// breaks no other line (faults.md rows 34 and T17).
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		if !<-s.note(sending("M1")) {
			t.Fatal("not recorded")
		}
		s.disk.set(func() { s.disk.full, s.disk.room = true, 100 })
		if <-s.note(sending("M2")) {
			t.Error("recorded on a disk that is full")
		}
		s.add(ended("M1", "answered", 1000))
		if <-s.note(sending("M3")) { // at once: the disk is known to fail
			t.Error("recorded on a disk that is full")
		}
		time.Sleep(time.Hour)
		var n int
		s.disk.set(func() { n = s.disk.opens })
		if n < 300 || n > 400 {
			t.Errorf("tried %d times in an hour, want every 10 s", n)
		}
		s.want(1, "start", "sending M1")
		if got := s.log.State(); time.Since(got.Failing) != time.Hour || !strings.Contains(got.Why, "no space left") || got.Waiting == 0 || got.Lost != 0 {
			t.Errorf("got %+v, want it to fail for an hour", got)
		}
		s.disk.set(func() { s.disk.full = false })
		time.Sleep(2 * maxPause)
		if got := s.log.State(); got != (State{File: got.File}) || got.File == "" {
			t.Errorf("got %+v, want that nothing is wrong", got)
		}
		if !<-s.note(sending("M4")) {
			t.Error("not recorded when the disk works again")
		}
		s.close()
		s.want(1, "start", "sending M1", "sending M2", "end M1", "sending M3", "sending M4", "stop")
		log := s.text.String()
		if n := strings.Count(log, "level=ERROR"); n < 55 || n > 65 || !strings.Contains(log, "no space left") || !strings.Contains(log, "audit log goes on") {
			t.Errorf("got %d errors logged in an hour:\n%.2000s", n, log)
		}
		if c, _ := s.counts(); c.errors < 300 || c.allLost() != 0 {
			t.Errorf("got %+v", c)
		}
	})
}

// TestWholeLinesCount: of lines written together those before the cut are recorded.
func TestWholeLinesCount(t *testing.T) {
	s := open(t, nil)
	s.disk.set(func() { s.disk.stuck = make(chan struct{}) })
	first := s.note(sending("M1"))
	<-s.disk.waits
	second, third := s.note(sending("M2")), s.note(sending("M3"))
	size := len(newRenderer(false).append(nil, sending("M2")))
	s.disk.set(func() { s.disk.full, s.disk.room = true, 2*size+size/2 })
	s.disk.unstick()
	if a, b, c := <-first, <-second, <-third; !a || !b || c {
		t.Errorf("got %v, %v, %v, want the third alone cut off", a, b, c)
	}
	s.disk.set(func() { s.disk.full = false })
	s.log.Reopen()
	s.close()
	s.want(1, "start", "sending M1", "sending M2", "sending M3", "stop")
}

// TestStuckDisk: nobody waits, and what has room is written when the disk answers again.
func TestStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		s.disk.set(func() { s.disk.stuck = make(chan struct{}) })
		first := s.note(sending("M1"))
		<-s.disk.waits
		time.Sleep(slowAfter + time.Millisecond)
		began := time.Now()
		if <-s.note(sending("M2")) || time.Since(began) > 0 {
			t.Error("recorded on a disk that is stuck, or not at once")
		}
		s.add(ended("M2", "not_sent", 0))
		if got := s.log.State(); time.Since(got.Failing) > time.Millisecond || got.Failing.IsZero() || got.Why != "" {
			t.Errorf("got %+v, want a disk that does not answer", got)
		}
		s.disk.unstick()
		if !<-first {
			t.Error("it was written")
		}
		synctest.Wait()
		if !<-s.note(sending("M3")) {
			t.Error("not recorded when the disk answers again")
		}
		s.close()
		s.want(0, "start", "sending M1", "sending M2", "end M2", "sending M3", "stop")
		if log := s.text.String(); strings.Count(log, "does not answer") != 1 || strings.Count(log, "goes on") != 1 {
			t.Errorf("got\n%s", log)
		}
	})
}

// TestFull: notes before the sending leave room for ends, and what has none is counted and said.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		s.disk.set(func() { s.disk.stuck = make(chan struct{}) })
		s.add(ended("M0", "answered", 1000))
		<-s.disk.waits
		big := sending("MB")
		big.Payload = append(big.Payload, make([]byte, 1<<20)...)
		noted := 0
		for range 20 {
			got := s.note(big)
			select {
			case ok := <-got:
				if ok {
					t.Fatal("recorded on a disk that is stuck")
				}
			default:
				noted++
			}
		}
		if noted < 2 || noted > 4 {
			t.Errorf("%d MiB were taken, want half of the room", noted)
		}
		added := 0
		c, held := s.counts()
		for refused := c.lost[lossFull]; c.lost[lossFull] == refused && added < 20; added++ {
			s.add(big)
			c, held = s.counts()
		}
		if added < 3 || added > 6 || held > maxHeld {
			t.Errorf("%d MiB were added, %d octets held", added, held)
		}
		if got := s.log.State(); got.Lost != c.allLost() || got.LostAt.IsZero() || got.Waiting != held {
			t.Errorf("got %+v", got)
		}
		s.disk.unstick()
		synctest.Wait()
		if _, held := s.counts(); held != 0 {
			t.Errorf("%d octets held", held)
		}
		s.close()
		got, _ := s.events()
		if !slices.Contains(got, "lost") || c.allLost() != 20-uint64(noted)+1 {
			t.Errorf("got %q, %+v", got, c)
		}
		// One that is larger than all the room goes alone.
		s.start(nil)
		big.Payload = make([]byte, 2*maxHeld)
		if !<-s.note(big) {
			t.Error("not recorded")
		}
		s.close()
	})
}

// TestCloseInTime: a disk that is stuck does not hold up the end.
func TestCloseInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		s.disk.set(func() { s.disk.stuck = make(chan struct{}) })
		s.add(ended("M1", "answered", 1000))
		<-s.disk.waits
		began := time.Now()
		if err := s.log.Close(2 * time.Second); err == nil || time.Since(began) != 2*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		s.add(ended("M2", "answered", 1000))
		if <-s.note(sending("M3")) {
			t.Error("recorded after the end")
		}
		if c, _ := s.counts(); c.lost[lossShutdown] != 2 {
			t.Errorf("got %+v, want 2 lost", c)
		}
	})
}

// TestCloseWhileFull: there is one more attempt, and what is left is counted.
func TestCloseWhileFull(t *testing.T) {
	s := open(t, nil)
	s.disk.set(func() { s.disk.full, s.disk.room = true, 0 })
	if <-s.note(sending("M1")) {
		t.Error("recorded on a disk that is full")
	}
	err := s.log.Close(time.Minute)
	if c, _ := s.counts(); err == nil || c.lost[lossShutdown] != 1 {
		t.Errorf("got %v, %+v", err, c)
	}
}

// TestReopen: another program renames or removes the file, and says so or does not.
func TestReopen(t *testing.T) {
	s := open(t, nil)
	ok := func(id string) {
		t.Helper()
		if !<-s.note(sending(id)) {
			t.Errorf("%s: not recorded", id)
		}
	}
	rename := func(to string) {
		t.Helper()
		if err := os.Rename(s.path, s.path+to); err != nil {
			t.Fatal(err)
		}
	}
	ok("M1")
	rename(".1")
	s.log.Reopen()
	ok("M2")
	rename("-2") // and nothing is said
	ok("M3")
	s.close()
	s.want(0, "start", "sending M1", "sending M2", "sending M3", "stop")
	if data, err := os.ReadFile(s.path); err != nil || strings.Contains(string(data), "M2") {
		t.Errorf("got %s, %v, want M3 alone", data, err)
	}

	s.start(nil)
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	s.disk.set(func() { s.disk.fails = errors.New("no") })
	if <-s.note(sending("M4")) {
		t.Error("recorded in a file that nobody can find")
	}
	s.disk.set(func() { s.disk.fails = nil })
	s.log.Reopen()
	s.close()
	if got, _ := s.events(); !slices.Contains(got, "sending M4") {
		t.Errorf("got %q", got)
	}
}

// TestBorrowed: what an entry refers to may change when the call has returned.
func TestBorrowed(t *testing.T) {
	s := open(t, nil)
	s.disk.set(func() { s.disk.stuck = make(chan struct{}) })
	s.add(sending("M0"))
	<-s.disk.waits
	var want []string
	for i := range 100 {
		e := ended(fmt.Sprintf("M%02d", i), "answered", 2303)
		want = append(want, "end "+string(e.MuxTRID))
		s.log.Add(e)
		for _, p := range [][]byte{e.ClTRID, e.MuxTRID, e.Payload, e.Answer, e.SvTRID} {
			clear(p)
		}
	}
	s.disk.unstick()
	s.close()
	s.want(0, slices.Concat([]string{"start", "sending M0"}, want, []string{"stop"})...)
	data, err := os.ReadFile(s.path)
	if n := strings.Count(string(data), `"names":["a.example"],"cltrid":"C-1"`); err != nil || n != 101 || strings.Count(string(data), `"svtrid":"S-1"`) != 100 {
		t.Errorf("got %v, %d lines that are whole", err, n)
	}
}

// TestMuchIsWritten: where nobody flushes, and much waits, it is written.
func TestMuchIsWritten(t *testing.T) {
	s := open(t, nil)
	first := make(chan bool, 1)
	s.log.Record(sending("M1"), 0, func(_ uint64, ok bool) { first <- ok })
	for range flushFrom/len(sending("M").Payload) + 1 {
		s.log.Add(sending("M"))
	}
	if !<-first {
		t.Error("not recorded")
	}
	s.close()
}

// TestOpenNeedsAWrite: a disk that takes no line is found out at once.
func TestOpenNeedsAWrite(t *testing.T) {
	d := newFaultyDisk()
	d.full = true
	path := t.TempDir() + "/a"
	before := openDescriptors(t)
	l, err := Open(Config{File: path, open: d.open})
	if err == nil {
		_ = l.Close(time.Minute)
		t.Fatal("opened on a disk that is full")
	}
	if !strings.HasPrefix(err.Error(), "audit log: ") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("the file is still open")
	}
}

// TestStopIsNotWritten: at the end all lines are there, but for the one that says so; that is told
// and is no loss.
func TestStopIsNotWritten(t *testing.T) {
	s := open(t, nil)
	if !<-s.note(sending("M1")) {
		t.Fatal("not recorded")
	}
	s.disk.set(func() { s.disk.full, s.disk.room = true, 0 })
	s.close()
	s.want(0, "start", "sending M1")
	if log := s.text.String(); strings.Count(log, "no space left") != 1 {
		t.Errorf("got log\n%s", log)
	}
	if c, held := s.counts(); c.allLost() != 0 || c.errors != 1 || held != 0 {
		t.Errorf("got %+v, %d held", c, held)
	}
}

// TestLostWhileFailing: what has no room while the disk fails is counted by that reason, and the file
// says so when the disk works again.
func TestLostWhileFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		s.disk.set(func() { s.disk.full = true })
		if <-s.note(sending("M1")) {
			t.Fatal("recorded on a disk that is full")
		}
		big := ended("MB", "answered", 1000)
		big.Payload = make([]byte, maxHeld)
		for range 3 {
			s.log.Add(big) // the first line waits: no room
		}
		if c, _ := s.counts(); c.lost[lossDisk] != 3 || c.lost[lossFull] != 0 {
			t.Errorf("got %+v", c)
		}
		if got := s.log.State(); got.Lost != 3 || got.LostAt.IsZero() || got.Failing.IsZero() {
			t.Errorf("got %+v", got)
		}
		s.disk.set(func() { s.disk.full = false })
		time.Sleep(2 * maxPause)
		if got := s.log.State(); got.Lost != 3 || !got.Failing.IsZero() || got.Waiting != 0 {
			t.Errorf("afterwards: got %+v", got)
		}
		s.close()
		s.want(0, "start", "lost", "sending M1", "stop")
		data, err := os.ReadFile(s.path)
		if err != nil || !strings.Contains(string(data), `"event":"lost","lost":3}`) {
			t.Errorf("got %s, %v", data, err)
		}
	})
}

// TestErrorsAreLoggedOnceAMinute: the others are counted, and their number is in the next one.
func TestErrorsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		for range 5 {
			s.log.trouble(errors.New("first minute"))
		}
		time.Sleep(logEvery - time.Millisecond)
		s.log.trouble(errors.New("still"))
		time.Sleep(time.Millisecond)
		s.log.trouble(errors.New("second minute"))
		time.Sleep(logEvery)
		s.log.trouble(errors.New("third minute"))
		s.close()
		log := s.text.String()
		for _, want := range []string{
			`err="first minute" waiting_octets=0 not_logged_before=0`, `err="second minute" waiting_octets=0 not_logged_before=5`,
			`err="third minute" waiting_octets=0 not_logged_before=0`,
		} {
			if !strings.Contains(log, want) {
				t.Errorf("no %q in\n%s", want, log)
			}
		}
		if strings.Contains(log, "still") || strings.Count(log, "level=ERROR") != 3 {
			t.Errorf("got\n%s", log)
		}
		if c, _ := s.counts(); c.errors != 8 {
			t.Errorf("got %+v, want all counted", c)
		}
	})
}

// TestSlowIsNotFailing: a write that takes less than a second is none that fails, and a timer that
// comes too late says nothing.
func TestSlowIsNotFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		s.disk.set(func() { s.disk.stuck = make(chan struct{}) })
		first := s.note(sending("M1"))
		<-s.disk.waits
		time.Sleep(slowAfter - time.Millisecond)
		synctest.Wait()
		if got := s.log.State(); !got.Failing.IsZero() {
			t.Errorf("got %+v before its time", got)
		}
		s.disk.unstick()
		if !<-first {
			t.Error("not recorded")
		}
		time.Sleep(slowAfter)
		s.log.slow() // as the timer, which has just been stopped
		if c, _ := s.counts(); c.errors != 0 {
			t.Errorf("got %+v", c)
		}
		s.close()
		if log := s.text.String(); log != "" {
			t.Errorf("got log\n%s", log)
		}
	})
}

// TestWords: events are words in the file, losses are labels.
func TestWords(t *testing.T) {
	for e, want := range map[Event]string{Sending: "sending", End: "end", Rejected: "rejected", start: "start", stop: "stop", lost: "lost"} {
		if e.String() != want {
			t.Errorf("got %v, want %s", e, want)
		}
	}
	for l, want := range map[loss]string{lossFull: "full", lossDisk: "disk", lossShutdown: "shutdown"} {
		if l.String() != want {
			t.Errorf("got %v, want %s", l, want)
		}
	}
}
