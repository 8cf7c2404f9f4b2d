package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
)

// target is where a message goes, and how long its answer may take.
type target struct {
	talk.Endpoint
	within   time.Duration    // for each answer
	registry *config.Registry // whose login and limits are used; nil: neither
}

// target makes the target of the flags. Its error ends the program.
func (s *sender) target(cmd *cobra.Command) (target, error) {
	if s.direct {
		return s.registryTarget(cmd)
	}
	to, err := cli.ParseAddress(s.to)
	if err != nil {
		return target{}, cli.Misused(cmd, "--to: %w", err)
	}
	if name := s.tlsFlag(); name != "" && !to.TLS {
		return target{}, cli.Misused(cmd, "--%s: is for tls:// only", name)
	}
	t := target{talk.Endpoint{Network: to.Network, Address: to.Where, Connect: s.timeout, Greeting: s.timeout},
		s.timeout, nil}
	if to.TLS {
		if t.TLS, err = s.clientTLS(to.Host()); err != nil {
			return target{}, cli.Failed(cmd, err)
		}
	}
	return t, nil
}

// tlsFlag returns a flag that is given and has no meaning without TLS; empty if there is none.
func (s *sender) tlsFlag() string {
	switch {
	case s.caFile != "":
		return "ca"
	case s.certFile != "":
		return "cert"
	}
	return ""
}

func (s *sender) clientTLS(host string) (*tls.Config, error) {
	tlsConfig := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if s.caFile != "" {
		var err error
		if tlsConfig.RootCAs, err = config.LoadRoots(s.caFile); err != nil {
			return nil, err
		}
	}
	if s.certFile != "" {
		pair, err := config.LoadKeyPair(s.certFile, s.keyFile)
		if err != nil {
			return nil, err
		}
		// It is shown whichever authorities the server names, as to a registry.
		tlsConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair, nil
		}
	}
	return tlsConfig, nil
}

// registryTarget makes the target of --direct.
func (s *sender) registryTarget(cmd *cobra.Command) (target, error) {
	cfg, err := config.Load(s.config)
	if err != nil {
		return target{}, cli.Exit(cli.ExitUsage, err)
	}
	r, err := chooseRegistry(cfg, s.registry)
	if err != nil {
		return target{}, cli.Misused(cmd, "%w", err)
	}
	t := target{talk.EndpointOf(r), r.Timeouts.Command, r}
	if cmd.Flags().Changed("timeout") {
		t.within = s.timeout
	}
	return t, nil
}

// chooseRegistry returns the registry of that name, or the only one. It must not be the built-in
// one, which other processes cannot reach.
func chooseRegistry(cfg *config.Config, name string) (*config.Registry, error) {
	var names []string
	var found *config.Registry
	for i := range cfg.Registries {
		r := &cfg.Registries[i]
		if name == "" || r.Name == name {
			found = r
			names = append(names, r.Name)
		}
	}
	switch {
	case found == nil:
		return nil, fmt.Errorf("--registry: no registry is named %s", cli.Quote(name))
	case len(names) > 1:
		return nil, errors.New("which one? --registry " + cli.Either(names))
	case found.Sandbox():
		return nil, fmt.Errorf("--direct: %s is the built-in registry, which lives inside a running eppmux: send to "+
			"its listener, with --to %s",
			found.Name, listeners(found))
	}
	return found, nil
}

func listeners(r *config.Registry) string {
	var all []string
	for _, l := range r.Listen {
		all = append(all, l.String())
	}
	return strings.Join(all, " or ")
}
