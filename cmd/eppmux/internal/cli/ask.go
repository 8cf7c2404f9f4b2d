package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// AskPassword reads a new password. It asks twice on a terminal, without echo, and reads one line
// of anything else.
func AskPassword(ctx context.Context, in io.Reader, prompt io.Writer) (string, error) {
	lines := bufio.NewReader(io.LimitReader(in, 2*MaxPasswordFile))
	f, ok := in.(*os.File)
	if !ok || !IsTerminal(f) {
		return passwordLine(ctx, lines)
	}
	show, err := hideEcho(f)
	if err != nil {
		return "", err
	}
	defer show()
	var answers [2]string
	for i, question := range []string{"new password: ", "once more: "} {
		fmt.Fprint(prompt, question)
		answers[i], err = passwordLine(ctx, lines)
		fmt.Fprintln(prompt) // in place of the newline that was not shown
		if err != nil {
			return "", err
		}
	}
	if answers[0] != answers[1] {
		return "", errors.New("the two differ; nothing has changed")
	}
	return answers[0], nil
}

// passwordLine reads one line. If ctx ends first, its goroutine stays until the input ends: a read
// from a terminal cannot be called off. The process is about to end then.
func passwordLine(ctx context.Context, r *bufio.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1) // the one result; never closed
	go func() {
		line, err := r.ReadString('\n')
		got <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.New("interrupted; nothing has changed")
	case res := <-got:
		line := strings.TrimSuffix(strings.TrimSuffix(res.line, "\n"), "\r")
		switch {
		case res.err != nil && (!errors.Is(res.err, io.EOF) || line == ""):
			return "", fmt.Errorf("read the new password: %w", res.err)
		case !utf8.ValidString(line):
			return "", errors.New("the new password is not UTF-8")
		case strings.ContainsFunc(line, unicode.IsControl):
			return "", errors.New("the new password has control characters")
		}
		return line, nil
	}
}

// IsTerminal reports whether f is one.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// hideEcho makes a terminal show nothing of what is typed until show is called. Lines and signals
// stay as they are: Ctrl-C interrupts.
//
// term.ReadPassword hides the echo only while it reads, so a password that is typed, pasted or sent
// by another program as soon as the prompt stands there would be shown. It also has no end but a
// line, and would leave the terminal mute when ctx ends first.
func hideEcho(f *os.File) (show func(), err error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	hidden, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, hidden); err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(fd, before) }, nil
}
