package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"eppmux/cmd/eppmux/internal/clitest"
)

// terminal is a pseudo-terminal: what a person types is written to it, what the person sees is read
// from it.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

const typedPassword = clitest.Canary + "-new"

func TestAskOnATerminal(t *testing.T) {
	for _, tt := range []struct{ typed, want, fault string }{
		{typedPassword + "\n" + typedPassword + "\n", typedPassword, ""},
		{typedPassword + "\n" + typedPassword + "x\n", "", "the two differ"},
		{typedPassword + "\n\n", "", "the two differ"},
	} {
		person, program := terminal(t)
		before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if before.Lflag&unix.ECHO == 0 {
			t.Fatal("got a terminal without echo to begin with")
		}
		// The person types when asked: each prompt lets one line go.
		lines := strings.SplitAfter(tt.typed, "\n")
		prompts := promptFunc(func(text string) {
			if strings.HasSuffix(text, ": ") {
				io.WriteString(person, lines[0])
				lines = lines[1:]
			}
		})
		got, err := AskPassword(context.Background(), program, prompts)
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: got %q, %v, want %q, %q", tt.typed, got, err, tt.want, tt.fault)
		}
		after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
		if err != nil || *after != *before {
			t.Errorf("got the terminal changed: %v", err)
		}
		fmt.Fprint(program, "end\n")
		seen, err := readUntil(person, "end")
		if err != nil || strings.Contains(seen, clitest.Canary) {
			t.Errorf("got %q, %v on the screen, want no password", seen, err)
		}
	}
}

// promptFunc is called with what is written.
type promptFunc func(text string)

func (f promptFunc) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}

func readUntil(r io.Reader, end string) (string, error) {
	var all bytes.Buffer
	for !strings.Contains(all.String(), end) {
		var b [256]byte
		n, err := r.Read(b[:])
		all.Write(b[:n])
		if err != nil {
			return all.String(), err
		}
	}
	return all.String(), nil
}

func TestAskWithoutATerminal(t *testing.T) {
	for _, tt := range []struct{ in, want, fault string }{
		{"secret", "secret", ""},
		{"secret\n", "secret", ""},
		{"secret\r\nmore\n", "secret", ""},
		{"two words\n", "two words", ""},
		{"\n", "", ""}, // too short, which is found later
		{"", "", "read the new password: EOF"},
		{"a\tb\n", "", "control characters"},
		{"a\xe9\n", "", "not UTF-8"},
	} {
		var prompt bytes.Buffer
		got, err := AskPassword(t.Context(), strings.NewReader(tt.in), &prompt)
		if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%q: got %q, %v, want %q, %q", tt.in, got, err, tt.want, tt.fault)
		}
		if prompt.Len() != 0 {
			t.Errorf("%q: got prompt %q, want none", tt.in, prompt.String())
		}
	}
	file, err := os.Open(clitest.WriteFile(t, t.TempDir(), "x", "secret\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := AskPassword(t.Context(), file, io.Discard); err != nil || got != "secret" {
		t.Errorf("from a file: got %q, %v", got, err)
	}
}

// TestAskInterrupted: a password that nobody types.
func TestAskInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	done := make(chan error, 1) // the one result; never closed
	go func() {
		_, err := AskPassword(ctx, in, new(bytes.Buffer))
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("got no end")
	}
}
