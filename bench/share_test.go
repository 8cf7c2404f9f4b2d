package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the load generator or a helper, so that these have processes of
// their own.
func TestMain(m *testing.M) {
	if os.Getenv("EPPMUX_BENCH") != "" {
		if !playHelper(os.Args[1:]) {
			main()
		}
		return
	}
	flag.Parse()
	parallel := false
	flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
	if !parallel {
		// a flag that package testing has
		_ = flag.Set("test.parallel", strconv.Itoa(max(runtime.GOMAXPROCS(0), atOnce)))
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// atOnce is how many of the tests that are parallel run at a time at the least. They hold nothing
// against the clock but what has generous bounds, and they wait more than they work; what measures
// is not parallel, and has the machine to itself.
const atOnce = 4

// built is eppmux, compiled once for all tests.
var built struct {
	once sync.Once
	dir  string // removed by TestMain
	err  error
}

// build compiles eppmux, without the race detector: this is a measurement.
func build(t *testing.T) string {
	t.Helper()
	built.once.Do(func() { built.err = compile() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "eppmux")
}

func compile() error {
	// The sources are opened so that go test knows that the result depends on them.
	for _, pattern := range []string{"../*/*.go", "../*/*/*.go", "../go.mod"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no sources like %s: %v", pattern, err)
		}
		for _, f := range files {
			if _, err := os.ReadFile(f); err != nil {
				return err
			}
		}
	}
	var err error
	if built.dir, err = os.MkdirTemp("", "eppmux-bench"); err != nil {
		return err
	}
	// Where programs that are killed leave their locks.
	if err := os.Setenv("STATE_DIRECTORY", built.dir); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(built.dir, "eppmux"), "eppmux/cmd/eppmux")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// program is a process that runs until the test ends. The test logs what it prints.
type program struct {
	*child
	t    *testing.T
	once sync.Once
}

// launch starts a process.
func launch(t *testing.T, bin string, args ...string) *program {
	t.Helper()
	p := &program{t: t, child: newChild(exec.Command(bin, args...), 1<<16)}
	p.note = func(line string) { t.Logf("%s: %s", args[0], line) }
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.end()
	})
	return p
}

func (p *program) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("signal: %v", err)
	}
}

// find waits for a line that the expression matches and returns its last group.
func (p *program) find(expr string) string {
	p.t.Helper()
	found, err := p.child.find(expr, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	return found
}

// end waits for the end of the process, which has been told to end. It fails the test unless the
// end is soon and clean.
func (p *program) end() {
	p.once.Do(func() {
		stuck := time.AfterFunc(45*time.Second, func() { _ = p.cmd.Process.Kill() })
		defer stuck.Stop()
		for range p.lines {
		}
		if err := p.cmd.Wait(); err != nil {
			p.t.Errorf("%s: %v", p.cmd.Args[1], err)
		}
	})
}

// load runs the load generator as a process.
func load(t *testing.T, args ...string) (r Result) {
	self, err := os.Executable()
	if err != nil {
		t.Error(err)
		return r
	}
	cmd := exec.Command(self, append([]string{"load"}, args...)...)
	cmd.Env = selfEnv()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("load: %v", err)
		return r
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Errorf("load printed %q: %v", out, err)
	}
	if r.Wrong > 0 || r.Failed > 0 {
		t.Errorf("%d wrong answers, %d clients failed: %s", r.Wrong, r.Failed, r.First)
	}
	return r
}

// TestSharedSessions: two hundred clients that all use the same clTRIDs, over three sessions to a
// registry that takes 20 ms for a command, get their own answers, and get through as many commands
// as three direct clients can.
func TestSharedSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	p := startPair(t, []string{"--latency", "20ms", "--sessions", "6"}, `sessions: {min: 3, max: 3}
    rate_limits: []`)
	pem := func(name string) string { return filepath.Join(p.dir, name) }
	direct := []string{"--to", p.address, "--clients", "3", "--for", "8s", "--user", "demo", "--password", "demo-secret",
		"--ca", pem("ca.pem"), "--cert", pem("client.pem"), "--key", pem("client.key")}
	shared := []string{"--to", p.listener, "--clients", "200", "--for", "8s", "--same-cltrid"}
	// Both at the same time, on sessions of their own: a slow moment of the machine meets both.
	var one, two Result
	var wg sync.WaitGroup
	wg.Go(func() { one = load(t, direct...) })
	wg.Go(func() { two = load(t, shared...) })
	wg.Wait()
	t.Logf("direct %.1f/s (p50 %.1f ms), shared %.1f/s (p50 %.0f ms)", one.PerSec, one.P50, two.PerSec, two.P50)
	if ratio := two.PerSec / one.PerSec; ratio < 0.98 {
		t.Errorf("200 clients over three sessions get %.3f of what three direct clients get, want 0.98", ratio)
	} else {
		t.Logf("ratio %.4f", ratio)
	}
	if b := breaches(t, p.stats); b != "" {
		t.Errorf("the registry counts breaches: %s", b)
	}
}

// breaches are those that the sandbox has counted; empty when there is none.
func breaches(t *testing.T, stats string) string {
	t.Helper()
	resp, err := http.Get("http://" + stats + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var counters struct{ Breaches map[string]int }
	if err := json.Unmarshal(body, &counters); err != nil || counters.Breaches == nil {
		t.Fatalf("counters: %v: %s", err, body)
	}
	found := ""
	for name, n := range counters.Breaches {
		if n > 0 {
			found += fmt.Sprintf(" %s:%d", name, n)
		}
	}
	return found
}
