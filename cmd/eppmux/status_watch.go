package main

import (
	"bytes"
	"os"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
)

// watchStatusEvery is the time between two requests of --watch.
const watchStatusEvery = 2 * time.Second

// watching prints the status again and again, until the context ends. On a terminal each one takes
// the place of the one before; elsewhere an empty line stands between. After an error it asks
// again.
func (s *statusRun) watching(cmd *cobra.Command, at string) error {
	out := cmd.OutOrStdout()
	f, ok := out.(*os.File)
	terminal := ok && cli.IsTerminal(f)
	tick := time.NewTicker(watchStatusEvery)
	defer tick.Stop()
	for {
		text, _, err := s.look(cmd.Context(), at)
		if cmd.Context().Err() != nil {
			return nil
		}
		if err != nil {
			text = []byte(time.Now().UTC().Format(time.DateTime) + " UTC: " + err.Error() + "\n")
		}
		if _, err := out.Write(frameOf(text, terminal, s.json)); err != nil {
			return cli.Failed(cmd, err)
		}
		select {
		case <-tick.C:
		case <-cmd.Context().Done():
			return nil
		}
	}
}

// frameOf makes of a text what overwrites the text before it. It erases the rest of each line, and
// what is left below: erasing the whole screen first would flicker.
func frameOf(text []byte, terminal, json bool) []byte {
	switch {
	case terminal && !json:
		return append(append([]byte("\x1b[H"), bytes.ReplaceAll(text, []byte("\n"), []byte("\x1b[K\n"))...),
			"\x1b[J"...)
	case json:
		return text
	}
	return append(text, '\n')
}
