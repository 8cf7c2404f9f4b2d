package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseFaults reads faults as in
//
//	close-after:p=0.01,cmd=create;slow=2s:every=10;refuse-login=2502:first=2
//
// A ";" or the end of a line separates faults. A fault is its name, then "=" and its argument if it
// takes one, then ":" and its conditions: p=PROBABILITY, every=N, first=N, cmd=NAME+NAME. An empty
// text gives no faults. The error has one line for each part that is wrong.
func ParseFaults(text string) ([]Fault, error) {
	var out []Fault
	var errs []error
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ';' || c == '\n' }) {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		f, err := parseFault(part)
		if err != nil {
			errs = append(errs, fmt.Errorf("fault %q: %w", part, err))
		}
		out = append(out, f)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// parseFault reads one fault.
func parseFault(text string) (f Fault, err error) {
	what, when, timed := strings.Cut(text, ":")
	name, arg, given := strings.Cut(what, "=")
	name = strings.TrimSpace(name)
	i := slices.IndexFunc(faultKinds[:], func(k faultKind) bool { return k.name == name && name != "" })
	if i < 0 {
		return f, errors.New("there is no such fault")
	}
	f.Kind = FaultKind(i)
	if err := f.argument(strings.TrimSpace(arg), given); err != nil {
		return f, err
	}
	if !timed {
		return f, nil
	}
	for cond := range strings.SplitSeq(when, ",") {
		if err := f.condition(cond); err != nil {
			return f, err
		}
	}
	return f, nil
}

// argument reads the text behind the "=". Without one it sets the default of the kind.
func (f *Fault) argument(text string, given bool) error {
	k := &faultKinds[f.Kind]
	if !given {
		f.Delay, f.Size = k.delay, k.size
		if k.arg == argDelay && k.delay == 0 {
			return errors.New("needs a duration, as " + k.name + "=2s")
		}
		if k.arg == argLoginCode {
			return errors.New("needs a code, as " + k.name + "=2502")
		}
		return nil
	}
	switch k.arg {
	case argNone:
		return errors.New("takes no argument")
	case argDelay:
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is not a duration above 0", text)
		}
		f.Delay = d
	case argSize:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || f.Kind == Huge && n <= headerLen {
			return fmt.Errorf("%q is not a number of octets that a header can announce", text)
		}
		f.Size = uint32(n)
	default:
		return f.code(text, k.arg)
	}
	return nil
}

// code reads a result code as far as the kind can play it.
func (f *Fault) code(text string, arg argument) error {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 1000 || n > 2999:
		return fmt.Errorf("%q is not a result code", text)
	case arg == argLoginCode && n != codeAuthentication && n != codeAuthenticationEnding && n != codeLimitExceeded:
		return errors.New("the code must be 2200, 2501 or 2502")
	case arg == argCode && !ending(n):
		return fmt.Errorf("the second digit of %d is not 5", n)
	}
	f.Code = n
	return nil
}

// condition reads one of the conditions behind ":".
func (f *Fault) condition(text string) error {
	key, value, _ := strings.Cut(strings.TrimSpace(text), "=")
	switch key {
	case "p":
		p, err := strconv.ParseFloat(value, 64)
		if err != nil || !(p > 0 && p <= 1) {
			return fmt.Errorf("p=%s is not a probability above 0 and at most 1", value)
		}
		f.P = p
	case "every", "first":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return fmt.Errorf("%s=%s is not a number above 0", key, value)
		}
		if key == "every" {
			f.Every = n
		} else {
			f.First = n
		}
	case "cmd":
		if faultKinds[f.Kind].stage != stageCommand {
			return errors.New("takes no cmd")
		}
		for name := range strings.SplitSeq(value, "+") {
			if !slices.Contains(faultCommands, name) {
				return fmt.Errorf("cmd=%s: %q is none of %s", value, name, strings.Join(faultCommands, ", "))
			}
			f.Commands = append(f.Commands, name)
		}
	default:
		return fmt.Errorf("%q is none of p=, every=, first= and cmd=", text)
	}
	return nil
}
