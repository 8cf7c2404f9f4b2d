package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/serve"
)

func newServeCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve EPP clients over the registry's few sessions",
		Long: `Serve runs the proxy as the config file says, until SIGTERM or SIGINT. Then it takes no
new clients, lets what is queued or in flight be answered within drain_timeout, logs
every session out and exits; a second signal ends it at once.

All listeners are opened before anything is sent to a registry. One process at a time uses an
account: if another one drains it, serve waits for that, else it fails and names the other.

SIGHUP reads the config file again, with the passwords and certificates that it names, and
applies what has changed: no client of a registry that stays is dropped. A file with a
fault changes nothing; its faults are logged. Certificates are also read again by
themselves when their files change. The audit log is opened anew.

Under a service manager it tells when it is ready, reloading or stopping (sd_notify), and
uses the sockets that it is given (sd_listen_fds) for the listeners of the config that have
their addresses. Files whose path begins with $CREDENTIALS_DIRECTORY/ are the credentials
that it is given.

The config file as shipped uses the built-in registry: nothing else is needed to try it.

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage or config.`,
		Example: `  eppmux serve
  eppmux serve --config /etc/eppmux/config.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			serve.ExitAtSecond()
			if err := serve.GuardMemory(); err != nil { // before any password is read
				return cli.Failed(cmd, err)
			}
			cfg, err := config.Load(file)
			if err != nil {
				return cli.Exit(cli.ExitUsage, err)
			}
			log := serve.StartLog(cfg.Log.Format, cmd.ErrOrStderr())
			defer log.Close()
			err = serve.Run(cmd.Context(), serve.Options{File: file, Config: cfg, Version: version(), Log: log})
			if err != nil {
				// Through the log, behind its lines: nobody may read standard error.
				fmt.Fprintln(log, cli.Failed(cmd, err))
				return cli.Exit(cli.ExitFailed, nil)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", defaultConfigFile, "config `FILE` to run")
	return cmd
}
