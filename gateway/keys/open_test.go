package keys

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// refused fails unless the file is refused with an error that has the words and the path, and is left alone.
func refused(t *testing.T, path string, words ...string) {
	t.Helper()
	before, _ := os.ReadFile(path)
	table, err := Open(Config{File: path})
	if err == nil {
		table.Close()
		t.Errorf("no error, want %q", words)
		return
	}
	for _, w := range append(words, path) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want %q", err, w)
		}
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

// TestOpenRefuses: a file that cannot be used is named, with what to do, and kept.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	refused(t, dir, "no regular file")
	refused(t, filepath.Join(dir, "none", "gateway.db"), "no such file")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("this is no key file\n"), 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, text, "damaged", "move it away")
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, short, "damaged", "move it away")

	b := newBook(t)
	refused(t, b.path, "another process", "state.dir")
	b.onRun(func() {
		_ = b.db.Update(func(tx *bolt.Tx) error {
			return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, fileFormat+1))
		})
	})
	b.Close()
	refused(t, b.path, "another version")
	b.cfg.File = filepath.Join(dir, "new.db")
	b.open()
}

// TestModeIsTight: a file that others may read is theirs no more.
func TestModeIsTight(t *testing.T) {
	b := newBook(t)
	b.Close()
	if err := os.Chmod(b.path, 0o644); err != nil {
		t.Fatal(err)
	}
	b.open()
	if info, err := os.Stat(b.path); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

// TestDamage: no damage to the file ends the process, or has a key that was answered be sent again with the
// damage in its record.
func TestDamage(t *testing.T) {
	b := newBook(t)
	const entries = 60
	for i := range entries {
		b.want("shop", number(i), "first")
		b.end("shop", number(i), answered(1000, doneXML))
	}
	b.Close()
	good, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	b.open()
	dir := t.TempDir()
	const damages = 150
	opened, told := 0, 0
	for seed := range uint64(damages) {
		random := rand.New(rand.NewPCG(seed, 1))
		data := bytes.Clone(good)
		switch random.IntN(4) {
		case 0: // cut off
			data = data[:random.IntN(len(data))]
		case 1: // a bit
			data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		case 2: // octets in one place
			at := random.IntN(len(data))
			for i := at; i < min(len(data), at+random.IntN(64)); i++ {
				data[i] = byte(random.Uint32())
			}
		case 3: // a page of zeros, not the first two
			if at := 4096 * (2 + random.IntN(len(data)/4096-2)); at < len(data) {
				clear(data[at:min(len(data), at+4096)])
			}
		}
		path := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		table, err := Open(Config{File: path})
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("seed %d: got %v", seed, err)
			}
			continue
		}
		opened++
		d := &book{Table: table, t: t}
		for i := range 5 {
			switch word, e := d.begin("shop", number(i), 1e10); {
			case word == "answered" && (e.Code != 1000 || !bytes.Contains(e.Payload, []byte("own-17"))):
				t.Errorf("seed %d: got %+v, %s", seed, e, e.Payload)
			case word == "answered":
				told++
			case word == "first":
				t.Errorf("seed %d: %s is forgotten", seed, number(i).Name)
			}
		}
		if word, _ := d.begin("shop", key("new", 1), 1e10); word == "first" {
			_ = d.End("shop", "it", key("new", 1), answered(1000, doneXML))
		}
		d.onRun(func() { d.sweep() })
		_ = table.Close()
		_ = os.Remove(path)
	}
	t.Logf("%d could be opened, and told %d answers", opened, told)
	if opened < 50 || told < 100 {
		t.Error("the damage is too great for a test")
	}
}

// TestRecord: what is written is read; what is changed in any octet is not.
func TestRecord(t *testing.T) {
	r := record{state: stateAnswered, settled: true, digest: [32]byte{1, 31: 2}, stamp: -5, sent: 1 << 60, until: 7, code: 2302,
		registry: "it", muxTRID: "M-1", command: []byte("c"), answer: bytes.Repeat([]byte("a"), 300)}
	b := r.append(nil)
	got, err := readRecord(b)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v, %v", got, err)
	}
	for i := range b {
		c := bytes.Clone(b)
		c[i] ^= 0x10
		if _, err := readRecord(c); err == nil {
			t.Errorf("octet %d was changed and nobody saw it", i)
		}
		if _, err := readRecord(b[:i]); err == nil {
			t.Errorf("%d octets were read", i)
		}
	}
}

// FuzzRecord: no octets crash, and what is read is written the same.
func FuzzRecord(f *testing.F) {
	f.Add((&record{digest: [32]byte{1}, answer: []byte("a")}).append(nil)[3:])
	f.Fuzz(func(t *testing.T, data []byte) {
		b := append([]byte{recordVersion, 0, 0}, data...)
		r, err := readRecord(sealed(b))
		if err != nil {
			return
		}
		if again, err := readRecord(r.append(nil)); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("got %+v, then %+v, %v", r, again, err)
		}
	})
}
