package audit

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// watched makes w look once and gives the ids of what it knows.
func watched(t *testing.T, w *Watch) (ids []string, part bool) {
	t.Helper()
	if _, err := w.Look(); err != nil {
		t.Fatal(err)
	}
	all, part := w.Stories()
	for _, s := range all {
		ids = append(ids, s.ID())
	}
	return ids, part
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// TestWatch: it knows what earlier processes have left, what is appended piece by piece, what is
// resolved, and loses nothing by a rotation. What is in flight now is not among it.
func TestWatch(t *testing.T) {
	path := logOf(t, unknownLog)
	w := &Watch{Path: path}
	defer w.Close()
	const sent = "2026-01-01T10:00:06.000000Z"
	line := func(event, id, rest string) string {
		return fmt.Sprintf(`{"time":"2026-01-01T11:00:00.000000Z","event":%q,"registry":"r","session":9,"command":"create","muxtrid":%q%s}`+"\n", event, id, rest)
	}
	torn := line("end", "M4", `,"end":"unknown"`)
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"at the start", func() {}, []string{"M2", "M3", sent}},
		{"nothing new", func() {}, []string{"M2", "M3", sent}},
		{"half a line", func() { appendTo(t, path, torn[:40]) }, []string{"M2", "M3", sent}},
		{"its other half", func() { appendTo(t, path, torn[40:]) }, []string{"M2", "M4", "M3", sent}},
		{"another is sent and answered", func() {
			appendTo(t, path, line("sending", "M5", "")+line("end", "M5", `,"code":1000,"end":"answered"`))
		}, []string{"M2", "M4", "M3", sent}},
		{"words", func() {
			if err := Resolve(path, time.Now(), []Resolution{{Registry: "r", MuxTRID: "M2", By: "b", Words: "w"}}); err != nil {
				t.Fatal(err)
			}
		}, []string{"M4", "M3", sent}},
		{"the end of one that another process has in flight", func() { appendTo(t, path, line("end", "M3", `,"code":1000,"end":"answered"`)) }, []string{"M4", sent}},
		{"a rotation", func() {
			appendTo(t, path, line("end", "M6", `,"end":"unknown"`))
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			appendTo(t, path, line("end", "M7", `,"end":"unknown"`))
		}, []string{"M4", "M6", "M7", sent}},
		{"truncated by another program", func() {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"M4", "M6", sent}},
	} {
		step.do()
		if got, part := watched(t, w); !slices.Equal(got, step.want) || part {
			t.Errorf("%s: got %q, %v, want %q", step.what, got, part, step.want)
		}
	}
}

// TestWatchBound: of a large log it reads the newest octets, from a whole line on, over files.
func TestWatchBound(t *testing.T) {
	line := func(i int) string {
		return fmt.Sprintf(`{"time":"2026-01-01T10:%02d:00.000000Z","event":"end","registry":"r","command":"create","muxtrid":"M%02d","end":"unknown"}`+"\n", i, i)
	}
	size := int64(len(line(0)))
	for most, want := range map[int64]int{1: 0, size - 1: 0, size: 1, size + 1: 1, 3 * size: 3, 4*size - 1: 3, 4 * size: 4, 5 * size: 4, 8 * size: 8, 99 * size: 12} {
		path := logOf(t, "")
		for i := range 12 {
			name := path
			if i < 8 {
				name += fmt.Sprintf(".%d", 2-i/4)
			}
			appendTo(t, name, line(i))
		}
		w := &Watch{Path: path, most: most}
		got, part := watched(t, w)
		if len(got) != want || part != (want < 12) || want > 0 && got[len(got)-1] != "M11" {
			t.Errorf("%d of %d octets: got %q, %v, want the last %d", most, 12*size, got, part, want)
		}
		w.Close()
	}
}

// TestWatchGone: a log that is not there is an error, until it is.
func TestWatchGone(t *testing.T) {
	path := logOf(t, unknownLog)
	w := &Watch{Path: path + "x"}
	defer w.Close()
	if _, err := w.Look(); err == nil {
		t.Error("got no error")
	}
	if err := os.Rename(path, path+"x"); err != nil {
		t.Fatal(err)
	}
	if got, _ := watched(t, w); len(got) != 3 {
		t.Errorf("got %q", got)
	}
}

// BenchmarkWatch is the first reading of as much as is read at most, for each sending and end, and
// the reading of what is appended.
func BenchmarkWatch(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < MaxWatched; i++ {
		fmt.Fprintf(&text, `{"time":"2026-01-01T10:00:01.000000Z","event":"sending","registry":"r","listener":"127.0.0.1:7000","client":"127.0.0.1:50000","session":1,"command":"create","object":"domain","names":["example-%d.example"],"cltrid":"C-%d","muxtrid":"M%d"}
{"time":"2026-01-01T10:00:02.000000Z","event":"end","registry":"r","listener":"127.0.0.1:7000","client":"127.0.0.1:50000","session":1,"command":"create","object":"domain","names":["example-%d.example"],"cltrid":"C-%d","muxtrid":"M%d","svtrid":"S-%d","code":1000,"message":"Command completed successfully","end":"answered","wait":0.000012,"rtt":0.018}
`, i, i, i, i, i, i, i)
	}
	path := b.TempDir() + "/audit.jsonl"
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	w := &Watch{Path: path}
	defer w.Close()
	b.Run("first", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			w.Close()
			if _, err := w.Look(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("appended", func(b *testing.B) {
		b.SetBytes(int64(text.Len()))
		for b.Loop() {
			w.offset = 0
			if _, err := w.Look(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
