package audit

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Filter picks lines and stories: those that meet all that is said. Empty fields say nothing.
type Filter struct {
	Since, Until time.Time // of the line; of a story that of its sending
	Command      string    // a command, or command:op
	Object       string    // a name; *.example: all that end so. Upper and lower case are the same
	Registry     string
	Client       string // the address with or without its port, or "uid N"
	Code         string // four digits, each of which may be an x
	End          string
	ClTRID       string
	MuxTRID      string
	SvTRID       string
}

var codeForm = regexp.MustCompile(`^[0-9xX]{4}$`)

// Check finds fault with what cannot be meant.
func (f *Filter) Check() error {
	switch {
	case f.Code != "" && !codeForm.MatchString(f.Code):
		return fmt.Errorf("%q is no code such as 2302 or 2xxx", f.Code)
	case f.End != "" && !slices.Contains([]string{"answered", "not_sent", "unknown"}, f.End):
		return fmt.Errorf("%q is not answered, not_sent or unknown", f.End)
	case !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since):
		return fmt.Errorf("the end of the time lies before its start")
	}
	return nil
}

// Line says whether l meets f.
func (f *Filter) Line(l *Line) bool { return f.fits(l, l.Time.Time) }

// Story says whether s meets f.
func (f *Filter) Story(s *Story) bool {
	at := s.Sent
	if at.IsZero() {
		at = s.Time.Time
	}
	return f.fits(&s.Line, at)
}

func (f *Filter) fits(l *Line, at time.Time) bool {
	switch {
	case !f.Since.IsZero() && at.Before(f.Since), !f.Until.IsZero() && at.After(f.Until):
		return false
	}
	for _, pair := range [][2]string{
		{f.Registry, l.Registry}, {f.End, l.End}, {f.ClTRID, l.ClTRID}, {f.MuxTRID, l.MuxTRID}, {f.SvTRID, l.SvTRID},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return f.command(l) && f.client(l) && f.code(l) && f.object(l)
}

func (f *Filter) command(l *Line) bool {
	name, op, both := strings.Cut(f.Command, ":")
	return f.Command == "" || name == l.Command && (!both || op == l.Op)
}

func (f *Filter) client(l *Line) bool {
	if f.Client == "" || f.Client == l.Client {
		return true
	}
	host, _, err := net.SplitHostPort(l.Client)
	return err == nil && host == f.Client
}

func (f *Filter) code(l *Line) bool {
	if f.Code == "" {
		return true
	}
	code := fmt.Sprintf("%04d", l.Code)
	for i, c := range f.Code {
		if c != 'x' && c != 'X' && byte(c) != code[i] {
			return false
		}
	}
	return l.Code > 0
}

func (f *Filter) object(l *Line) bool {
	if f.Object == "" {
		return true
	}
	want := strings.ToLower(f.Object)
	suffix, some := strings.CutPrefix(want, "*")
	return slices.ContainsFunc(l.Names, func(name string) bool {
		name = strings.ToLower(name)
		return name == want || some && len(name) > len(suffix) && strings.HasSuffix(name, suffix)
	})
}
