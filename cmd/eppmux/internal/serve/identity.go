package serve

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"eppmux/upstream"
)

// identity is what sets the muxTRIDs of this process apart from those of every other that has the
// same state folder: one of the identities, by a lock on its file, which ends with the process. The
// file has an instant that no id of this identity was made behind, so an id does not come again at a
// later start, whatever the clock says then.
type identity struct {
	// Immutable.
	trids *upstream.TRIDs
	path  string
	log   *slog.Logger
	done  chan struct{} // closed by close
	ended sync.WaitGroup

	// Owned by the goroutine of renew, then by close.
	file   *os.File // nil: the identity is by chance
	failed bool     // the last writing
}

const (
	// tridsAhead is how far ids may follow the clock behind the last writing, tridsRenew the time
	// between two of them.
	tridsAhead = time.Minute
	tridsRenew = 15 * time.Second

	// tridsRoom is the number of ids that may be made beyond that while nothing can be written.
	tridsRoom = 1 << 27

	// markLen is the number of octets in the file: a number, and a new line. It is written over in
	// place, which needs no room on a disk that is full.
	markLen = 21
)

// byChance is the log line where no identity can be had.
const byChance = "transaction ids are told apart from those of other processes by chance only"

// tridsByChance has an identity that others may have.
func tridsByChance() *upstream.TRIDs {
	return upstream.NewTRIDs(uint16(rand.N(upstream.TRIDIdentities)), 0)
}

// takeIdentity takes an identity in the folder, the same one as last time if it is free. Where none
// can be had it takes one by chance, and says so. close must be called.
func takeIdentity(folder func() (string, error), now time.Time, log *slog.Logger) *identity {
	dir, err := folder()
	for n := range upstream.TRIDIdentities {
		if err != nil {
			break
		}
		var id *identity
		if id, err = tryIdentity(dir, (int(hostID())+n)%upstream.TRIDIdentities, now, log); id != nil {
			id.ended.Go(id.renew)
			return id
		}
	}
	if err == nil {
		err = errors.New("all identities are in use")
	}
	log.Warn(byChance, "err", err.Error())
	return &identity{trids: tridsByChance(), log: log, done: make(chan struct{})}
}

// tryIdentity takes the identity n if it is free and its file can be read and written. Both results
// are nil where another one is to be tried.
func tryIdentity(dir string, n int, now time.Time, log *slog.Logger) (*identity, error) {
	id := &identity{path: filepath.Join(dir, fmt.Sprintf("muxtrid-%04d.lock", n)), log: log, done: make(chan struct{})}
	var err error
	if id.file, _, err = tryLock(id.path); id.file == nil {
		return nil, err
	}
	begin, err := readMark(id.file)
	if err != nil {
		log.Warn("an identity of transaction ids cannot be used; another one is taken", "file", id.path,
			"err", err.Error())
		id.file.Close()
		return nil, nil
	}
	id.trids = upstream.NewTRIDs(uint16(n), begin)
	if err := id.mark(now); err != nil {
		id.file.Close()
		return nil, err
	}
	return id, nil
}

// readMark returns the instant in the file, in microseconds since 1970; 0: no id was made.
func readMark(f *os.File) (uint64, error) {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, markLen+1))
	if err != nil || len(text) == 0 {
		return 0, err
	}
	if len(text) != markLen {
		return 0, fmt.Errorf("%d octets, want %d", len(text), markLen)
	}
	return strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 55)
}

// mark lets ids follow the clock for a while from now on, once the file says so.
func (id *identity) mark(now time.Time) error {
	until := max(id.trids.Last(), uint64(now.UnixMicro())) + uint64(tridsAhead.Microseconds())
	if err := id.write(until + tridsRoom); err != nil {
		return err
	}
	id.trids.Ahead(until)
	return nil
}

// write makes the file say that no id is above that instant, on the disk.
func (id *identity) write(most uint64) error {
	if _, err := id.file.WriteAt(fmt.Appendf(nil, "%020d\n", most), 0); err != nil {
		return err
	}
	return id.file.Sync()
}

// renew runs on a goroutine of its own until close, which waits for it. It keeps the file ahead of
// the clock.
func (id *identity) renew() {
	tick := time.NewTicker(tridsRenew)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			id.tell(errors.Join(id.mend(), id.mark(now)))
		case <-id.done:
			return
		}
	}
}

// mend makes the file anew if somebody has removed it.
func (id *identity) mend() error {
	if samePlace(id.file, id.path) {
		return nil
	}
	file, _, err := tryLock(id.path)
	if file == nil {
		return errors.Join(err, fmt.Errorf("%s is gone, or another process has it", id.path))
	}
	id.file.Close()
	id.file = file
	return nil
}

// tell says when the file cannot be written, and when it can again.
func (id *identity) tell(err error) {
	switch failed := err != nil; {
	case failed && !id.failed:
		id.log.Warn("the identity of transaction ids cannot be kept; they do not follow the clock any more",
			"err", err.Error())
	case !failed && id.failed:
		id.log.Info("the identity of transaction ids is kept again")
	}
	id.failed = err != nil
}

// identityShutdown bounds the last writing. Without it, the next process begins behind what the one before
// allowed for.
const identityShutdown = 2 * time.Second

// close gives the identity back. No id may be made any more.
func (id *identity) close() error {
	if id == nil || id.file == nil {
		return nil
	}
	close(id.done)
	given := make(chan error, 1) // the one of giveBack
	go id.giveBack(given)
	late := time.NewTimer(identityShutdown)
	defer late.Stop()
	select {
	case err := <-given:
		return err
	case <-late.C:
		id.log.Warn("the last writing of the identity of transaction ids takes too long", "file", id.path)
		return nil
	}
}

// giveBack writes the last id down, and closes the file. It runs on a goroutine of its own, which a disk
// that does not answer keeps.
func (id *identity) giveBack(given chan<- error) {
	id.ended.Wait()
	err := id.write(id.trids.Last())
	given <- errors.Join(err, id.file.Close())
}

// hostID is 10 bits of the name of this host: the identity that its processes try first.
func hostID() uint16 {
	name, err := os.Hostname()
	if err != nil {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	return uint16(h.Sum32()>>10^h.Sum32()) & 0x3ff
}
