package config

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Fault is one thing that is wrong in a config file.
type Fault struct {
	Line int    // 0 and math.MaxInt: the file as a whole
	Path string // as in registries[0].sessions.max; empty: the file as a whole
	Text string // never holds a password
}

// Faults is everything that is wrong in a config file, in the order of its lines.
type Faults struct {
	File string
	List []Fault
}

// Error implements error. It writes a line for each fault: file:line: path: text.
func (f *Faults) Error() string {
	var b strings.Builder
	for i, fault := range f.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(fault.place(f.File) + ": " + fault.Text)
	}
	return b.String()
}

// place returns file:line: path, as far as they are known.
func (f Fault) place(file string) string {
	at := file
	if f.Line > 0 && f.Line < math.MaxInt {
		at += fmt.Sprintf(":%d", f.Line)
	}
	if f.Path != "" {
		at += ": " + f.Path
	}
	return at
}

// duplicateKey is the text of a fault at a path whose first value has been read.
const duplicateKey = "duplicate key"

// maxFaults bounds the faults that are reported: a file that is no config at all has one in every
// line.
const maxFaults = 200

// faultList collects faults while a file is read and checked.
type faultList struct {
	list  []Fault
	lines map[string]int // path: line on which it stands
}

// add records a fault unless its path has one: the first is the cause, and a second would be about
// the default that has taken the place of the value.
func (l *faultList) add(path, format string, args ...any) {
	if len(l.list) > maxFaults {
		return
	}
	if path != "" && l.hasFault(path) {
		return
	}
	l.put(Fault{l.line(path), path, fmt.Sprintf(format, args...)})
}

// put records a fault even if its path has one.
func (l *faultList) put(f Fault) {
	switch len(l.list) {
	case maxFaults:
		l.list = append(l.list, Fault{math.MaxInt, "", "there are more faults"})
	case maxFaults + 1:
	default:
		l.list = append(l.list, f)
	}
}

// has reports whether path is in the file.
func (l *faultList) has(path string) bool {
	_, ok := l.lines[path]
	return ok
}

// hasFault reports whether path has a fault.
func (l *faultList) hasFault(path string) bool {
	return slices.ContainsFunc(l.list, func(f Fault) bool { return f.Path == path })
}

// hasFaultUnder reports whether a path that begins with prefix has a fault.
func (l *faultList) hasFaultUnder(prefix string) bool {
	return slices.ContainsFunc(l.list, func(f Fault) bool { return strings.HasPrefix(f.Path, prefix) })
}

// line returns the line of path or, when it is not in the file, of the nearest mapping or list
// around it.
func (l *faultList) line(path string) int {
	for path != "" {
		if n, ok := l.lines[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}

// faults returns the faults in the order of the file; nil when there is none.
func (l *faultList) faults(file string) error {
	if len(l.list) == 0 {
		return nil
	}
	slices.SortStableFunc(l.list, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return &Faults{File: file, List: l.list}
}

// join returns the path of a key of a mapping.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// index returns the path of an entry of a list.
func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// suggest returns ` (did you mean "x"?)` for the known word that is nearest to word, or nothing
// when none is near.
func suggest[T ~string](word string, known []T) string {
	best, bound := "", min(len(word)/4, 2)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), string(k), bound); d < bound {
			best, bound = string(k), d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance returns how many octets must be inserted, removed or replaced to make b of a; bound when
// it is not below bound.
func distance(a, b string, bound int) int {
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	row := make([]int, len(b)+1) // row[j]: from the part of a so far to b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := corner
			if a[i] != b[j] {
				d = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], d
		}
	}
	return min(row[len(b)], bound)
}
