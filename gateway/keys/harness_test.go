package keys

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"testing"
	"time"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

const (
	createXML = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><create>` +
		`<domain:create xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>kiosk.example</domain:name>` +
		`<domain:authInfo><domain:pw>sesame-17</domain:pw></domain:authInfo></domain:create></create><clTRID>own-17</clTRID></command></epp>`
	doneXML = `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="1000"><msg>sesame-17 is kept</msg></result>` +
		`<trID><clTRID>own-17</clTRID><svTRID>S-1</svTRID></trID></response></epp>`
)

// book is a Table of one test, which can be opened again.
type book struct {
	*Table
	t   testing.TB
	cfg Config
}

func newBook(t testing.TB) *book {
	t.Helper()
	b := &book{t: t, cfg: Config{File: filepath.Join(t.TempDir(), "gateway.db")}}
	b.open()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

func (b *book) open() {
	b.t.Helper()
	var err error
	if b.Table, err = Open(b.cfg); err != nil {
		b.t.Fatal(err)
	}
}

// again is what a restart does.
func (b *book) again() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatalf("close: %v", err)
	}
	b.open()
}

func key(name string, digest byte) *carry.Key {
	return &carry.Key{Name: name, Digest: [32]byte{digest}}
}

// begin is what Begin says within some time, in a word.
func (b *book) begin(user string, k *carry.Key, within time.Duration) (word string, e carry.Entry) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	e, first, err := b.Begin(ctx, user, "it", k, []byte(createXML))
	switch {
	case errors.Is(err, carry.ErrKeyReused):
		return "reused", e
	case errors.Is(err, carry.ErrKeyInFlight):
		return "in flight", e
	case errors.Is(err, carry.ErrKeyStorage):
		return "storage", e
	case err != nil:
		b.t.Fatal(err)
	case first:
		return "first", e
	}
	return string(e.Outcome), e
}

// want fails unless Begin says so.
func (b *book) want(user string, k *carry.Key, word string) carry.Entry {
	b.t.Helper()
	within := time.Minute
	if word == "in flight" {
		within = 20 * time.Millisecond
	}
	got, e := b.begin(user, k, within)
	if got != word {
		b.t.Fatalf("%s, %s: got %q, want %q", user, k.Name, got, word)
	}
	return e
}

func (b *book) end(user string, k *carry.Key, a carry.Answer) {
	b.t.Helper()
	if err := b.End(user, "it", k, a); err != nil {
		b.t.Fatalf("end: %v", err)
	}
}

func answered(code int, payload string) carry.Answer {
	return carry.Answer{Outcome: carry.Answered, MuxTRID: "M-1", Payload: []byte(payload),
		Response: &mapping.Response{Results: []mapping.Result{{Code: code}}}}
}

var (
	notSent = carry.Answer{Outcome: carry.NotSent}
	unknown = carry.Answer{Outcome: carry.Unknown, MuxTRID: "M-1"}
)

func number(i int) *carry.Key { return key(fmt.Sprintf("key-%d", i), 1) }

// setFault has transactions end as f says, from the next one on.
func (b *book) setFault(f func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faultHook = f
}

// onRun calls f where run would.
func (b *book) onRun(f func()) {
	done := make(chan struct{})
	b.mu.Lock()
	b.inRun = func() { f(); close(done) }
	b.mu.Unlock()
	b.stir()
	<-done
}

// sealed is a record with the checksum that it must have.
func sealed(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}
