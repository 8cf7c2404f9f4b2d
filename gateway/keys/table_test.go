package keys

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"eppmux/gateway/carry"
)

// TestRepeats: a repeat gets what became of the first, before and after a restart.
func TestRepeats(t *testing.T) {
	b := newBook(t)
	a, n, u := key("A", 1), key("N", 1), key("U", 1)
	for _, k := range []*carry.Key{a, n, u} {
		b.want("shop", k, "first")
		b.want("shop", k, "in flight")
		b.want("shop", key(k.Name, 2), "reused")
		b.want("other", k, "first") // keys are each user's own
	}
	b.end("shop", a, answered(1000, doneXML))
	b.end("shop", n, notSent)
	b.end("shop", u, unknown)
	for _, when := range []string{"before", "after a restart"} {
		e := b.want("shop", a, "answered")
		if e.Code != 1000 || e.MuxTRID != "M-1" || string(e.Payload) != strings.ReplaceAll(doneXML, "sesame-17", "***") {
			t.Errorf("%s: got %+v, %s", when, e, e.Payload)
		}
		e = b.want("shop", u, "unknown")
		if e.MuxTRID != "M-1" || !strings.Contains(string(e.Command), "kiosk.example") || time.Since(e.Sent) > time.Minute ||
			e.Until.Before(e.Sent) || time.Since(e.Until) > time.Minute {
			t.Errorf("%s: got %+v", when, e)
		}
		b.want("shop", n, "first")
		b.end("shop", n, notSent)
		for _, k := range []*carry.Key{a, u} {
			b.want("shop", key(k.Name, 2), "reused")
		}
		b.again()
	}
	b.want("other", a, "unknown") // had no end
	if data, err := os.ReadFile(b.path); err != nil || bytes.Contains(data, []byte("sesame")) {
		t.Errorf("a secret is in the file (%v)", err)
	}
	if info, err := os.Stat(b.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

// TestUsersApart: two users never share a key, whatever their names.
func TestUsersApart(t *testing.T) {
	b := newBook(t)
	for _, k := range [][2]string{{"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", "."}} {
		b.want(k[0], key(k[1], 1), "first")
	}
}

// TestWaits: repeats wait for the end of the first, and get it. After not_sent one of them goes.
func TestWaits(t *testing.T) {
	b := newBook(t)
	k := key("A", 1)
	b.want("shop", k, "first")
	var mu sync.Mutex
	var words []string
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			e, first, err := b.Begin(context.Background(), "shop", "it", k, []byte(createXML))
			if err != nil {
				t.Errorf("begin: %v", err)
			}
			if first {
				if err := b.End("shop", "it", k, answered(1000, doneXML)); err != nil {
					t.Errorf("end: %v", err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			words = append(words, string(e.Outcome))
		})
	}
	b.end("shop", k, notSent)
	all.Wait()
	if got := strings.Count(strings.Join(words, " "), "answered"); got != 19 {
		t.Errorf("got %q", words)
	}
	if s := b.Stats(); s.Entries != 1 || s.Unknown != 0 || s.Flying != 0 || s.Claims != 2 || s.Replays != 19 {
		t.Errorf("got %+v", s)
	}
}

// TestSettled: what is unknown is settled once, and only with an answer.
func TestSettled(t *testing.T) {
	b := newBook(t)
	k := key("A", 1)
	b.want("shop", k, "first")
	b.end("shop", k, unknown)
	b.end("shop", k, notSent)
	b.want("shop", k, "unknown")
	a := answered(1000, doneXML)
	a.Settled = true
	b.end("shop", key("A", 2), a)
	b.want("shop", k, "unknown")
	b.end("shop", k, a)
	b.end("shop", k, answered(2302, ""))
	if e := b.want("shop", k, "answered"); e.Code != 1000 || !e.Settled {
		t.Errorf("got %+v", e)
	}
	b.end("shop", key("none", 1), a) // it was swept
	b.want("shop", key("none", 1), "first")
}

// TestUnreadableAnswer: of an answer in which secrets cannot be found the code is kept.
func TestUnreadableAnswer(t *testing.T) {
	b := newBook(t)
	k := key("A", 1)
	b.want("shop", k, "first")
	b.end("shop", k, answered(1000, "<epp><sesame-17"))
	if e := b.want("shop", k, "answered"); e.Code != 1000 || len(e.Payload) > 0 {
		t.Errorf("got %+v", e)
	}
}

// TestFull: beyond the bounds nothing is claimed, and what is there is still told.
func TestFull(t *testing.T) {
	for _, cfg := range []Config{{MaxEntries: 2}, {MaxOctets: 600}} {
		b := newBook(t)
		cfg.File = b.cfg.File
		b.cfg = cfg
		b.again()
		b.want("shop", number(0), "first")
		b.want("shop", number(1), "first")
		b.want("shop", number(2), "storage")
		b.end("shop", number(0), answered(1000, doneXML))
		b.want("shop", number(0), "answered")
		if s := b.Stats(); s.Full != 1 || s.Entries != 2 || s.Octets == 0 || s.Flying != 1 || s.FullAt.IsZero() {
			t.Errorf("got %+v", s)
		}
		b.end("shop", number(1), notSent)
		if cfg.MaxEntries > 0 {
			b.want("shop", number(2), "first")
		}
	}
}

// TestDiskFull: while nothing can be written nothing is claimed. Ends are remembered, and written later.
func TestDiskFull(t *testing.T) {
	b := newBook(t)
	a, n := key("A", 1), key("N", 1)
	b.want("shop", a, "first")
	b.want("shop", n, "first")
	var full sync.Mutex // held: the disk has room
	full.Lock()
	b.setFault(func() error {
		if full.TryLock() {
			full.Unlock()
			return &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
		}
		return nil
	})
	full.Unlock()
	for k, end := range map[*carry.Key]carry.Answer{a: answered(1000, doneXML), n: notSent} {
		if err := b.End("shop", "it", k, end); !errors.Is(err, carry.ErrKeyStorage) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
	}
	b.want("shop", a, "answered")
	b.want("shop", n, "storage")
	b.want("shop", n, "storage")
	b.want("shop", key("new", 1), "storage")
	if s := b.Stats(); s.Ended || !strings.Contains(s.Trouble, "no space left") || time.Since(s.TroubleAt) > time.Minute {
		t.Errorf("got %+v", s)
	}
	full.Lock()
	b.want("shop", n, "first")
	if s := b.Stats(); s.Trouble != "" {
		t.Errorf("got %+v behind a write that succeeded", s)
	}
	b.end("shop", n, notSent)
	b.onRun(func() { b.sweep() })
	b.again()
	b.want("shop", a, "answered")
	b.want("shop", n, "first")
	b.want("shop", key("new", 1), "first")
}

// TestDiskFails: an error that leaves the disk in doubt ends all writing, until the next process.
func TestDiskFails(t *testing.T) {
	b := newBook(t)
	b.want("shop", key("A", 1), "first")
	b.end("shop", key("A", 1), answered(1000, doneXML))
	b.setFault(func() error { return syscall.EIO })
	b.want("shop", key("B", 1), "storage")
	b.setFault(nil)
	b.want("shop", key("B", 1), "storage")
	b.want("shop", key("A", 1), "answered")
	if s := b.Stats(); s.WriteErrors < 2 || !s.Ended || !strings.Contains(s.Trouble, "input/output error") || s.TroubleAt.IsZero() {
		t.Errorf("got %+v, want the claim that was not tried counted, too", s)
	}
	b.again()
	if s := b.Stats(); s.Ended || s.Trouble != "" {
		t.Errorf("got %+v", s)
	}
	b.want("shop", key("B", 1), "first")
}

// TestDiskStuck: Begin waits for the disk no longer than its caller, and then nothing is claimed.
func TestDiskStuck(t *testing.T) {
	b := newBook(t)
	stuck := make(chan struct{})
	b.setFault(func() error { <-stuck; return nil })
	if word, _ := b.begin("shop", key("A", 1), 20*time.Millisecond); word != "storage" {
		t.Errorf("got %s", word)
	}
	b.want("shop", key("A", 1), "in flight")
	close(stuck)
	e, first, err := b.Begin(t.Context(), "shop", "it", key("A", 1), []byte(createXML))
	if !first || err != nil {
		t.Errorf("got %+v, %v", e, err)
	}
}

// TestMovedAway: a file that is gone takes no claims.
func TestMovedAway(t *testing.T) {
	b := newBook(t)
	b.want("shop", key("A", 1), "first")
	if err := os.Rename(b.path, b.path+".old"); err != nil {
		t.Fatal(err)
	}
	b.onRun(func() { b.sweep() })
	b.want("shop", key("B", 1), "storage")
	if s := b.Stats(); !s.Ended || !strings.Contains(s.Trouble, "moved") || s.WriteErrors == 0 {
		t.Errorf("got %+v", s)
	}
	b.Close()
	b.open() // another file
	b.want("shop", key("B", 1), "first")
}

// TestClosed: after Close nothing is claimed.
func TestClosed(t *testing.T) {
	b := newBook(t)
	b.want("shop", key("A", 1), "first")
	b.Close()
	b.want("shop", key("B", 1), "storage")
	if err := b.End("shop", "it", key("A", 1), answered(1000, doneXML)); !errors.Is(err, carry.ErrKeyStorage) {
		t.Errorf("got %v", err)
	}
	b.open()
	b.want("shop", key("A", 1), "unknown")
}
