package keys

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"eppmux/gateway/carry"
)

// killedFile says in the environment that this process is the child of TestKill, and which file it has.
const killedFile = "EPPMUX_TEST_KEYS_FILE"

// TestKill kills a process that claims and ends keys, again and again. What it has said that it claimed is
// not claimed again, and what it has said that was answered is answered.
func TestKill(t *testing.T) {
	if path := os.Getenv(killedFile); path != "" {
		claimForEver(t, path)
		return
	}
	path := filepath.Join(t.TempDir(), "gateway.db")
	claimed, ended := 0, 0
	for round := range 8 {
		said := map[string]string{}
		child := exec.Command(os.Args[0], "-test.run=^TestKill$", "-test.timeout=60s")
		child.Env = append(os.Environ(), killedFile+"="+path, fmt.Sprintf("EPPMUX_TEST_ROUND=%d", round))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 30+17*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if word, name, ok := strings.Cut(lines.Text(), " "); ok && strings.HasPrefix(name, "r") {
				said[name] = word
			}
		}
		_ = child.Wait() // it was killed
		table, err := Open(Config{File: path})
		if err != nil {
			t.Fatal(err)
		}
		b := &book{Table: table, t: t}
		for name, word := range said {
			got, _ := b.begin("shop", key(name, 1), time.Minute)
			switch {
			case word == "claimed" && got != "unknown" && got != "answered":
				t.Errorf("round %d: %s was claimed, got %q", round, name, got)
			case word == "ended" && got != "answered":
				t.Errorf("round %d: %s was answered, got %q", round, name, got)
			}
			claimed++
			if word == "ended" {
				ended++
			}
		}
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if claimed < 100 || ended < 50 {
		t.Errorf("%d were claimed, %d answered: too few for a test", claimed, ended)
	}
}

// claimForEver claims and ends keys by several goroutines until it is killed, and says so after each.
func claimForEver(t *testing.T, path string) {
	table, err := Open(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 6 {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("r%s-%d-%d", os.Getenv("EPPMUX_TEST_ROUND"), g, i)
				k := &carry.Key{Name: name, Digest: [32]byte{1}}
				if _, first, err := table.Begin(t.Context(), "shop", "it", k, []byte(createXML)); !first || err != nil {
					return
				}
				fmt.Println("claimed " + name)
				if table.End("shop", "it", k, answered(1000, doneXML)) != nil {
					return
				}
				fmt.Println("ended " + name)
			}
		})
	}
	all.Wait()
}
