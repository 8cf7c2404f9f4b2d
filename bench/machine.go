package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is the machine and the programs of a measurement.
type Machine struct {
	Time       time.Time         `json:"time"`
	CPU        string            `json:"cpu"`
	Processors int               `json:"processors"`
	Memory     int64             `json:"memory_octets"`
	Kernel     string            `json:"kernel"`
	Load       string            `json:"load"` // average of 1, 5 and 15 minutes before the beginning
	Files      int               `json:"open_files"`
	Versions   map[string]string `json:"versions"`
	Args       []string          `json:"args"`
}

func describeMachine(args []string) Machine {
	m := Machine{
		Time:       time.Now().UTC().Truncate(time.Second),
		Processors: runtime.NumCPU(),
		Files:      raiseFiles(),
		Args:       args,
	}
	m.CPU = inFile("/proc/cpuinfo", `model name\s*: (.*)`)
	m.Kernel = inFile("/proc/version", `version (\S+)`)
	m.Load = inFile("/proc/loadavg", `^(\S+ \S+ \S+)`)
	kib, _ := strconv.ParseInt(inFile("/proc/meminfo", `MemTotal:\s*(\d+)`), 10, 64)
	m.Memory = kib << 10
	m.Versions = map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")}
	for name, v := range map[string][2]string{
		"haproxy": {"-v", `version (\S+)`},
		"nginx":   {"-v", `nginx/(\S+)`},
		"openssl": {"version", `OpenSSL (\S+)`},
		"perl":    {"-v", `\(v([\d.]+)\)`},
	} {
		path, err := programPath(name)
		if err != nil {
			continue
		}
		out, _ := exec.Command(path, v[0]).CombinedOutput()
		m.Versions[name] = match(string(out), v[1])
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		m.Versions["eppmux"] = strings.TrimSpace(string(out))
	}
	return m
}

func inFile(path, expr string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return match(string(text), expr)
}

// match returns the first group of the expression, or nothing if it does not match.
func match(text, expr string) string {
	if m := regexp.MustCompile(expr).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// raiseFiles lets this process and its children open as many files as the largest case needs, as
// far as the system permits. It returns how many they may open.
func raiseFiles() int {
	const want = 1 << 16
	lim := syscall.Rlimit{}
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim)
	raised := syscall.Rlimit{Cur: want, Max: max(want, lim.Max)}
	if lim.Cur < want && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
		lim = raised
	}
	return int(lim.Cur)
}
