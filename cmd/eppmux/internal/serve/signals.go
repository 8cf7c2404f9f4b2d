package serve

import (
	"os"
	"os/signal"
	"syscall"

	"eppmux/cmd/eppmux/internal/cli"
)

// ExitAtSecond makes the second SIGTERM or SIGINT from now on end the process at once, whatever the
// rest of it waits for: a drain, a disk, or a reader of its standard error. The first one is for
// the context of Run, and does nothing here.
func ExitAtSecond() {
	signals := make(chan os.Signal, 2) // room for both; never closed
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go exitAtSecond(signals)
}

// exitAtSecond runs on a goroutine of its own, which ends with the process. Nobody waits for it.
func exitAtSecond(signals <-chan os.Signal) {
	<-signals
	<-signals
	os.Exit(cli.ExitFailed)
}
