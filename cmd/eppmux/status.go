package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
)

// statusRun has the values of the flags of status.
type statusRun struct {
	config string
	admin  string
	json   bool
	watch  bool
}

func newStatusCommand() *cobra.Command {
	var s statusRun
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how a running eppmux and its registries are",
		Long: `Asks the admin listener of a running "eppmux serve" and prints, for each registry, what is
wrong, whose fault it is and what to do, then sessions, queue, limits, answers and the last
warnings. A browser shows the same, with plots, at the address of the admin listener.

The address is that of --admin, else admin.listen of the config file, else 127.0.0.1:7001.

Exit codes: 0 every registry serves clients, 1 one does not or eppmux was not reached, 2 wrong
usage or config. --watch ends with 0 on Ctrl-C.`,
		Example: `  eppmux status
  eppmux status --watch
  eppmux status --admin 127.0.0.1:7001 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVarP(&s.config, "config", "c", defaultConfigFile, "config `FILE` that names the admin listener")
	f.StringVar(&s.admin, "admin", "", "`ADDR` of the admin listener; the config is not read then")
	f.BoolVar(&s.json, "json", false, "print what /status.json says")
	f.BoolVarP(&s.watch, "watch", "w", false, "print it anew every 2s, until Ctrl-C")
	return cmd
}

// defaultAdmin is the address of the admin listener if there is no config file.
const defaultAdmin = "127.0.0.1:7001"

// address returns the address of the admin listener.
func (s *statusRun) address(cmd *cobra.Command) (string, error) {
	if s.admin != "" {
		if _, _, err := net.SplitHostPort(s.admin); err != nil {
			return "", cli.Misused(cmd, "--admin %s: must be host:port", cli.Quote(s.admin))
		}
		return s.admin, nil
	}
	if _, err := os.Stat(s.config); errors.Is(err, os.ErrNotExist) && !cmd.Flags().Changed("config") {
		return defaultAdmin, nil
	}
	cfg, err := config.LoadValues(s.config)
	if err != nil {
		return "", cli.Exit(cli.ExitUsage, err)
	}
	if cfg.Admin.Listen == "" {
		return "", cli.Misused(cmd, "%s has no admin.listen: set one and reload, or give --admin", s.config)
	}
	return cfg.Admin.Listen, nil
}

func (s *statusRun) run(cmd *cobra.Command) error {
	at, err := s.address(cmd)
	if err != nil {
		return err
	}
	if s.watch {
		return s.watching(cmd, at)
	}
	text, g, err := s.look(cmd.Context(), at)
	if err != nil {
		return cli.Failed(cmd, err)
	}
	if _, err := cmd.OutOrStdout().Write(text); err != nil {
		return cli.Failed(cmd, err)
	}
	if g == status.Broken {
		return cli.Exit(cli.ExitFailed, nil)
	}
	return nil
}

// maxStatus bounds an answer, in octets.
const maxStatus = 64 << 20

// statusTimeout bounds one request.
const statusTimeout = 5 * time.Second

// look asks once. It returns the text to be printed and the gravity of the worst trouble in it.
func (s *statusRun) look(ctx context.Context, at string) ([]byte, status.Gravity, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	body, err := fetchStatus(ctx, at)
	if err != nil {
		return nil, 0, err
	}
	var st status.Status
	if err := json.Unmarshal(body, &st); err != nil {
		return nil, 0, fmt.Errorf("%s: answer: %w", at, err)
	}
	if s.json {
		return body, st.Gravity, nil
	}
	var b bytes.Buffer
	err = status.WriteTable(&b, &st)
	return b.Bytes(), st.Gravity, err
}

func fetchStatus(ctx context.Context, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/status.json", nil)
	if err != nil {
		return nil, err
	}
	// Without a proxy of the environment: the listener is on this host.
	transport := &http.Transport{DisableKeepAlives: true}
	r, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("%w; is eppmux running, with this admin.listen?", err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: /status.json: %s", at, r.Status)
	}
	return io.ReadAll(io.LimitReader(r.Body, maxStatus))
}
