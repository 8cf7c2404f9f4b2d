package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	if d, err := parseSchedstat("1250431 8444709 12\n"); err != nil || d != 1250431 {
		t.Errorf("schedstat: got %v, %v", d, err)
	}
	// Name of the program with what separates fields; 7 ticks of the user, 5 of the system.
	const stat = "42 (a ) b) S 1 42 42 0 -1 4194304 1 2 3 4 7 5 11 13 20 0 1 0 99 1000 10 18446744073709551615\n"
	if d, err := parseStat(stat); err != nil || d != 120*time.Millisecond {
		t.Errorf("stat: got %v, %v", d, err)
	}
	if n, err := parseKiB("55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:                1644 kB\nPss:  3 kB\n", "Rss:"); err != nil || n != 1644<<10 {
		t.Errorf("smaps_rollup: got %v, %v", n, err)
	}
	if n, err := parseKiB("VmPeak:\t  9 kB\nVmRSS:\t    1644 kB\n", "VmRSS:"); err != nil || n != 1644<<10 {
		t.Errorf("status: got %v, %v", n, err)
	}
	busy, stolen, err := parseMachineStat("cpu  10 1 20 500 40 2 3 7 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
	if err != nil || busy != 360*time.Millisecond || stolen != 70*time.Millisecond {
		t.Errorf("machine: got %v, %v, %v", busy, stolen, err)
	}
	for _, bad := range []string{"", "1 2", "x y z", "cpu", "intr 1 2 3 4 5 6 7 8 9"} {
		if _, err := parseSchedstat(bad); err == nil {
			t.Errorf("schedstat %q: no error", bad)
		}
		if _, err := parseStat(bad); err == nil {
			t.Errorf("stat %q: no error", bad)
		}
		if _, err := parseKiB(bad, "Rss:"); err == nil {
			t.Errorf("smaps_rollup %q: no error", bad)
		}
		if _, _, err := parseMachineStat(bad); err == nil {
			t.Errorf("machine %q: no error", bad)
		}
	}
}

// TestUsageOfTree: what a process has started is counted with it. The shell waits for one that
// works until it is killed.
func TestUsageOfTree(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "while :; do :; done & echo $!; wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 20)
	n, _ := out.Read(line)
	worker, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(worker, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	var u usage
	for begin := time.Now(); u.cpu < 50*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if u, err = usageOf(cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("processor time after 30 s: %v", u.cpu)
		}
	}
	one, err := usageOf(os.Getpid())
	if err != nil || one.resident < 1<<20 || u.resident < 1<<16 {
		t.Errorf("resident: got %d of this process, %d of the others, %v", one.resident, u.resident, err)
	}
}
