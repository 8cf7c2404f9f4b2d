package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// registrySpec is what the registry of a cluster grants.
type registrySpec struct {
	sessions int
	latency  time.Duration
	rate     int           // commands in each window over all connections; 0: no limit
	per      time.Duration // the window; 0: a second
}

// window is that of the rate.
func (s *registrySpec) window() time.Duration {
	if s.per == 0 {
		return time.Second
	}
	return s.per
}

// registry is the sandbox as a process, with a journal. All hosts of a cluster use one account of it.
type registry struct {
	t       *testing.T
	dir     string // certificates
	address string
	stats   string // HTTP
	journal string // file
}

func newRegistry(t *testing.T, bin string, spec registrySpec) *registry {
	t.Helper()
	r := &registry{t: t, dir: shortDir(t)}
	r.journal = filepath.Join(r.dir, "journal")
	flags := []string{"sandbox", "--listen", "127.0.0.1:0", "--tls", r.dir, "--mutual", "--stats-listen", "127.0.0.1:0",
		"--journal", r.journal, "--sessions", fmt.Sprint(spec.sessions), "--latency", spec.latency.String()}
	if spec.rate > 0 {
		flags = append(flags, "--rate", fmt.Sprintf("%d/%v", spec.rate, spec.window()))
	}
	s := launch(t, bin, flags...)
	r.address = s.find(`(127\.0\.0\.1:\d+)`)
	r.stats = s.find(`(127\.0\.0\.1:\d+)`)
	return r
}

// shortDir is a folder whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "eppmux")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// counters are what the registry has counted.
type counters struct {
	Logins, LoginsRefused, Logouts int
	SessionsPeak                   map[string]int
	Breaches                       map[string]int
}

func (r *registry) counters() (c counters) {
	r.t.Helper()
	resp, err := http.Get("http://" + r.stats + "/")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// journalLine is a line of the registry's journal.
type journalLine struct {
	Time       time.Time
	Event      string
	Connection uint64
	Remote     string
	Command    string
	Names      []string
	ClTRID     string
	Code       int
	Executed   bool
	Reason     string

	host string // whose connection it is; set by lines
}

// transform reports whether the command may change something.
func (l *journalLine) transform() bool { return isTransform(l.Command) }

// counts reports whether the command counts against limits.
func (l *journalLine) counts() bool {
	return l.Event == "message" && l.Command != "hello" && l.Command != "login" && l.Command != "logout"
}

// name is the first object of the command.
func (l *journalLine) name() string {
	if len(l.Names) == 0 {
		return ""
	}
	return l.Names[0]
}

func isTransform(command string) bool {
	return slices.Contains([]string{"create", "delete", "renew", "transfer", "update"}, command)
}

// lines reads the journal, as far as it is written. Hosts are told apart by the addresses from which
// they come, see host.source.
func (r *registry) lines(hosts map[string]string) []journalLine {
	r.t.Helper()
	text, err := os.ReadFile(r.journal)
	if err != nil {
		r.t.Fatal(err)
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	of := map[uint64]string{}
	var all []journalLine
	s := bufio.NewScanner(bytes.NewReader(text))
	for s.Scan() {
		var l journalLine
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			r.t.Fatalf("%s: %v", s.Text(), err)
		}
		if l.Event == "open" {
			of[l.Connection] = hosts[addressOf(l.Remote)]
		}
		l.host = of[l.Connection]
		all = append(all, l)
	}
	return all
}
