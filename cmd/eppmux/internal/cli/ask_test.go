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

	"eppmux/cmd/eppmux/internal/clitest"
)

const typedPassword = clitest.Canary + "-new"

func TestAskOnATerminal(t *testing.T) {
	for _, tt := range []struct{ typed, want, fault string }{
		{typedPassword + "\n" + typedPassword + "\n", typedPassword, ""},
		{typedPassword + "\n" + typedPassword + "x\n", "", "the two differ"},
		{typedPassword + "\n\n", "", "the two differ"},
	} {
		person, program := clitest.Terminal(t)
		before := clitest.Termios(t, program)
		if !clitest.Echoes(t, program) {
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
		if after := clitest.Termios(t, program); after != before {
			t.Errorf("got the terminal changed to %+v, want %+v", after, before)
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

// TestAskInterruptedOnATerminal: the echo comes back also when nothing was typed. At each prompt in
// turn.
func TestAskInterruptedOnATerminal(t *testing.T) {
	for at, question := range []string{"new password: ", "once more: "} {
		person, program := clitest.Terminal(t)
		before := clitest.Termios(t, program)
		ctx, cancel := context.WithCancel(t.Context())
		prompts := promptFunc(func(text string) {
			switch {
			case text == question:
				if clitest.Echoes(t, program) {
					t.Errorf("prompt %d stands there with the echo on", at)
				}
				cancel()
			case strings.HasSuffix(text, ": "):
				io.WriteString(person, typedPassword+"\n")
			}
		})
		got, err := AskPassword(ctx, program, prompts)
		if got != "" || err == nil || err.Error() != "interrupted; nothing has changed" {
			t.Errorf("prompt %d: got %q, %v", at, got, err)
		}
		if after := clitest.Termios(t, program); after != before {
			t.Errorf("prompt %d: got the terminal changed to %+v, want %+v", at, after, before)
		}
		cancel()
		io.WriteString(person, "\n") // ends the read that is left
	}
}

// TestIsTerminal: of what a command may have for its input or output, terminals alone are ones.
func TestIsTerminal(t *testing.T) {
	_, program := clitest.Terminal(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, tt := range []struct {
		name string
		file *os.File
		want bool
	}{{"terminal", program, true}, {"pipe", r, false}, {"null", null, false}, {"closed", closed, false}} {
		if got := IsTerminal(tt.file); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if _, err := hideEcho(tt.file); (err == nil) != tt.want {
			t.Errorf("%s: got %v for the echo", tt.name, err)
		}
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
