package audit

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Filter picks the lines and stories that meet all of its fields. An empty field is met by all.
type Filter struct {
	Since, Until time.Time // bounds, both included, of a line's time, or of the sending of a story
	Command      string    // a command such as poll, or command:op such as poll:req
	Object       string    // a name, or "*.example" for names with that ending; in any case
	Registry     string
	Client       string // the address with or without its port, or "uid N"
	Code         string // four digits; an x is met by any digit
	End          string // answered, not_sent or unknown
	ClTRID       string
	MuxTRID      string
	SvTRID       string
}

var codeForm = regexp.MustCompile(`^[0-9xX]{4}$`)

// Check returns an error about the first field that nothing could meet: a code or an end that does
// not exist, or times in the wrong order.
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

// Line reports whether the line meets the filter.
func (f *Filter) Line(l *Line) bool { return f.fits(l, l.Time.Time) }

// Story reports whether the story meets the filter. The time that counts is the time of its sending
// or, if that line is missing, of its end.
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
