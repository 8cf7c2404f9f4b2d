package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"time"
)

// NumIdentities is the number of identities: 10 bits of a muxTRID.
const NumIdentities = 1 << 10

const (
	// idAhead is how far ids may follow the clock behind the last writing, idRenew the time between two.
	idAhead = time.Minute
	idRenew = 15 * time.Second
	// idRoom is the number of ids that may be made beyond that while nothing can be written.
	idRoom = 1 << 27
	// idStale is for how long an identity is behind the clock before another process may have it.
	idStale = 10 * time.Minute
	// idTime is the longest that a request may take.
	idTime = 3 * time.Second
)

// identityRecord is the record of a number in Identities.
type identityRecord struct {
	Version  int    `json:"v"`
	Host     string `json:"host"`
	Instance string `json:"instance"`
	// Most is an instant that no id of this number was made behind, in microseconds since 1970.
	Most     uint64 `json:"most"`
	Released bool   `json:"released,omitempty"`
}

// Identity sets the muxTRIDs of this process apart from those of all others in the cluster. An id does not
// come again, whatever the clocks say: its record has an instant that no id was made behind, and who takes
// the number next begins there. So it does not matter whether the one before has really ended.
type Identity struct {
	n      *Node
	number int
	begin  uint64
	until  uint64
	rec    []byte // as last written

	stop  context.CancelFunc // ends renew; nil: it was not begun
	ended chan struct{}      // closed by renew
	last  func() uint64
	gone  bool // another process has the number; owned by renew, then by Release
}

// Number is below NumIdentities.
func (id *Identity) Number() uint16 { return uint16(id.number) }

// Begin is the instant above which ids may be made, in microseconds since 1970.
func (id *Identity) Begin() uint64 { return id.begin }

// TakeIdentity takes a number that no other process has. It needs an Engine that answers. Use and Release
// follow.
func (n *Node) TakeIdentity(ctx context.Context) (*Identity, error) {
	if n.cfg.Engine == nil {
		return nil, ErrNoEngine
	}
	records, err := n.cfg.Engine.Load(ctx, Identities)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	h := fnv.New32a()
	h.Write([]byte(n.cfg.Host))
	first := int(h.Sum32()>>10^h.Sum32()) % NumIdentities
	for i := range NumIdentities {
		number := (first + i) % NumIdentities
		old := records[identityKey(number)]
		begin, free := n.freeIdentity(old)
		if !free {
			continue
		}
		id := &Identity{n: n, number: number, begin: begin, rec: old, last: func() uint64 { return begin }}
		switch done, err := id.mark(ctx); {
		case err != nil:
			return nil, fmt.Errorf("identity: %w", err)
		case done:
			n.setIdentity(number)
			return id, nil
		}
	}
	return nil, errors.New("identity: all are in use")
}

func identityKey(number int) string { return fmt.Sprintf("%04d", number) }

// freeIdentity reports whether a number may be taken, and behind which instant its ids begin.
func (n *Node) freeIdentity(rec []byte) (begin uint64, free bool) {
	if rec == nil {
		return 0, true
	}
	var r identityRecord
	if err := json.Unmarshal(rec, &r); err != nil || r.Version < 1 {
		return 0, false // nobody knows where its ids end
	}
	now := uint64(n.cfg.Clocks.Wall().Microseconds())
	return r.Most, r.Released || r.Most+uint64(idStale.Microseconds()) < now
}

// mark writes that ids may follow the clock for a while from now on. done is false where another process
// has the number.
func (id *Identity) mark(ctx context.Context) (done bool, err error) {
	until := max(id.last(), uint64(id.n.cfg.Clocks.Wall().Microseconds())) + uint64(idAhead.Microseconds())
	done, err = id.write(ctx, identityRecord{Most: until + idRoom})
	if done {
		id.until = until
	}
	return done, err
}

func (id *Identity) write(ctx context.Context, r identityRecord) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, idTime)
	defer cancel()
	r.Version, r.Host, r.Instance = recordVersion, id.n.cfg.Host, id.n.instance
	value := write(r)
	record := Record{Table: Identities, Key: identityKey(id.number), Value: value}
	done, is, err := id.n.cfg.Engine.Swap(ctx, record, id.rec)
	if err == nil && !done && id.ours(is) {
		// An answer did not come, or the engine has gone back, or has forgotten.
		done, _, err = id.n.cfg.Engine.Swap(ctx, record, is)
	}
	if done {
		id.rec = value
	}
	return done, err
}

// ours reports whether the record that is there is one of this process, or none. At the first writing
// another process may have been faster: then id.rec is not ours either.
func (id *Identity) ours(is []byte) bool {
	var r identityRecord
	if is == nil {
		return id.until != 0 // it was ours, and is forgotten
	}
	return json.Unmarshal(is, &r) == nil && r.Instance == id.n.instance && !bytes.Equal(is, id.rec)
}

// Use keeps the record ahead of the clock until Release or Node.Close, on a goroutine of its own. ahead is
// told how far ids may follow the clock, in microseconds since 1970, at once and after each writing; last
// returns the instant of the last id. taken is called once if another process has the number, which comes
// of an engine that has forgotten it: then another one is to be taken, and nothing more is written.
func (id *Identity) Use(last func() uint64, ahead func(until uint64), taken func()) {
	ctx, stop := context.WithCancel(id.n.ctx)
	id.last, id.stop, id.ended = last, stop, make(chan struct{})
	ahead(id.until)
	go id.renew(ctx, ahead, taken)
}

// renew runs on a goroutine of its own until ctx ends. Release waits for it.
func (id *Identity) renew(ctx context.Context, ahead func(until uint64), taken func()) {
	defer close(id.ended)
	tick := time.NewTicker(idRenew)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		done, err := id.mark(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			id.n.tellIdentity(!failed, slog.LevelWarn,
				"the identity of transaction ids cannot be kept; they do not follow the clock any more",
				"err", err.Error())
		case !done:
			id.gone = true
			id.n.tellIdentity(true, slog.LevelWarn, "another process has the identity of transaction ids",
				"identity", strconv.Itoa(id.number))
			taken()
			return
		default:
			id.n.tellIdentity(failed, slog.LevelInfo, "the identity of transaction ids is kept again")
			ahead(id.until)
		}
		failed = err != nil
	}
}

func (n *Node) tellIdentity(is bool, level slog.Level, text string, args ...any) {
	if is {
		n.cfg.Logger.Log(n.ctx, level, text, args...)
	}
}

// setIdentity has the member's record show the number.
func (n *Node) setIdentity(number int) {
	n.do(func(m *machine, now Instant) {
		m.identity, m.self.at = number, min(m.self.at, now.Boot)
	})
}

// Release gives the number back, with the instant of the last id. No id may be made any more. It comes
// before Node.Close.
func (id *Identity) Release(ctx context.Context) error {
	if id.stop != nil {
		id.stop()
		select {
		case <-id.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if id.gone {
		return nil
	}
	if _, err := id.write(ctx, identityRecord{Most: id.last(), Released: true}); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}
