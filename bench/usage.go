package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is what processes have used, as the kernel counts it.
type usage struct {
	// cpu is the time on a processor, from schedstat: in nanoseconds, of the threads that are
	// alive.
	cpu time.Duration
	// ticks is user and system time, from stat: in hundredths of a second, of all threads that ever
	// were.
	ticks    time.Duration
	resident int64 // octets
}

// tick is the unit of the times in stat. It has the same length on all architectures of Linux that
// Go knows.
const tick = 10 * time.Millisecond

// usageOf sums over a process and its children, such as the workers of nginx.
func usageOf(pid int) (usage, error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return usage{}, err
	}
	var u usage
	if u.ticks, err = parseStat(string(stat)); err != nil {
		return usage{}, err
	}
	if u.resident, err = residentOf(dir); err != nil {
		return usage{}, err
	}
	tasks, err := os.ReadDir(dir + "task")
	if err != nil {
		return usage{}, err
	}
	for _, t := range tasks {
		if err := u.task(dir + "task/" + t.Name() + "/"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return usage{}, err
		}
	}
	return u, nil
}

// task adds a thread, and the processes that it has started.
func (u *usage) task(dir string) error {
	text, err := os.ReadFile(dir + "schedstat")
	if err != nil {
		return err
	}
	d, err := parseSchedstat(string(text))
	if err != nil {
		return err
	}
	u.cpu += d
	children, err := os.ReadFile(dir + "children")
	if err != nil {
		return err
	}
	for _, c := range strings.Fields(string(children)) {
		pid, err := strconv.Atoi(c)
		if err != nil {
			return err
		}
		v, err := usageOf(pid)
		if err != nil {
			return err
		}
		u.cpu += v.cpu
		u.ticks += v.ticks
		u.resident += v.resident
	}
	return nil
}

// parseSchedstat reads the time on a processor, the first number.
func parseSchedstat(text string) (time.Duration, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("schedstat: got %q", text)
	}
	n, err := strconv.ParseInt(fields[0], 10, 64)
	return time.Duration(n), err
}

// parseStat reads user and system time. The name of the program stands in brackets and may itself
// have spaces and brackets.
func parseStat(text string) (time.Duration, error) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat: got %q", text)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, err
}

// residentOf reads the resident memory from smaps_rollup, or from status, which is less exact,
// where only root may read the former: eppmux keeps it from other processes of its user.
func residentOf(dir string) (int64, error) {
	text, err := os.ReadFile(dir + "smaps_rollup")
	if err == nil {
		return parseKiB(string(text), "Rss:")
	}
	if !errors.Is(err, fs.ErrPermission) {
		return 0, err
	}
	if text, err = os.ReadFile(dir + "status"); err != nil {
		return 0, err
	}
	return parseKiB(string(text), "VmRSS:")
}

// parseKiB reads the line that begins with key, and returns octets.
func parseKiB(text, key string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in %q", key, text)
}

// ownCPU returns the user and system time of this process.
func ownCPU() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// machineUsage returns the time that all processors of the machine were busy, and the time that the
// host took from them.
func machineUsage() (busy, stolen time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseMachineStat(string(text))
}

func parseMachineStat(text string) (busy, stolen time.Duration, err error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("stat: got %q", line)
	}
	for i, f := range fields[1:9] { // user nice system idle iowait irq softirq steal
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		switch d := time.Duration(n) * tick; i {
		case 3, 4:
		case 7:
			stolen = d
		default:
			busy += d
		}
	}
	return busy, stolen, nil
}
