package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
)

// reach has the values of the flags that say where messages go.
type reach struct {
	to                        string
	caFile, certFile, keyFile string

	direct           bool
	config, registry string

	timeout time.Duration
}

// flags defines the flags of r.
func (r *reach) flags(f *pflag.FlagSet) {
	f.StringVar(&r.to, "to", "tcp://127.0.0.1:7000", "`ADDR` to connect to: host:port, tcp://, tls:// or unix:///path")
	f.StringVar(&r.caFile, "ca", "", "`FILE` of the certificate authority for tls:// (default those of the system)")
	f.StringVar(&r.certFile, "cert", "", "`FILE` of our certificate for tls://, where the server asks for one")
	f.StringVar(&r.keyFile, "key", "", "`FILE` of the key of --cert, readable by its owner only")
	f.BoolVar(&r.direct, "direct", false, "connect to a registry instead, with the login of the config file")
	f.StringVarP(&r.config, "config", "c", defaultConfigFile, "config `FILE` for --direct")
	f.StringVar(&r.registry, "registry", "", "`NAME` of the registry for --direct, if the config file has several")
	f.DurationVar(&r.timeout, "timeout", 75*time.Second,
		"how long connecting, the greeting and each answer may take, each by itself;\n"+
			"with --direct it is for answers only, in place of timeouts.command")
}

// check checks the flags by themselves. changed reports whether a flag was given.
func (r *reach) check(changed func(flag string) bool) error {
	for _, f := range []struct {
		flags []string
		goes  bool
		with  string
	}{
		{[]string{"to", "ca", "cert", "key"}, !r.direct,
			"does not go with --direct: the config file says how to connect"},
		{[]string{"config"}, r.direct, "is for --direct only"},
		{[]string{"registry"}, r.direct || changed("http"), "is for --direct only"},
	} {
		for _, name := range f.flags {
			if changed(name) && !f.goes {
				return cli.Usagef("--%s: %s", name, f.with)
			}
		}
	}
	switch {
	case r.timeout <= 0:
		return cli.Usagef("--timeout: must be above 0, got %v", r.timeout)
	case (r.certFile == "") != (r.keyFile == ""):
		return cli.Usagef("--cert and --key go together")
	}
	return nil
}

// target is where a message goes, and how long its answer may take.
type target struct {
	talk.Endpoint
	within   time.Duration    // for each answer
	registry *config.Registry // whose login and limits are used; nil: neither
}

// target makes the target of the flags. Its error ends the program.
func (r *reach) target(cmd *cobra.Command) (target, error) {
	if r.direct {
		return r.registryTarget(cmd)
	}
	to, err := cli.ParseAddress(r.to)
	if err != nil {
		return target{}, cli.Misused(cmd, "--to: %w", err)
	}
	if name := r.tlsFlag(); name != "" && !to.TLS {
		return target{}, cli.Misused(cmd, "--%s: is for tls:// only", name)
	}
	t := target{talk.Endpoint{Network: to.Network, Address: to.Where, Connect: r.timeout, Greeting: r.timeout},
		r.timeout, nil}
	if to.TLS {
		if t.TLS, err = r.clientTLS(to.Host()); err != nil {
			return target{}, cli.Failed(cmd, err)
		}
	}
	return t, nil
}

// tlsFlag returns a flag that is given and has no meaning without TLS; empty if there is none.
func (r *reach) tlsFlag() string {
	switch {
	case r.caFile != "":
		return "ca"
	case r.certFile != "":
		return "cert"
	}
	return ""
}

func (r *reach) clientTLS(host string) (*tls.Config, error) {
	tlsConfig := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if r.caFile != "" {
		var err error
		if tlsConfig.RootCAs, err = config.LoadRoots(r.caFile); err != nil {
			return nil, err
		}
	}
	if r.certFile != "" {
		pair, err := config.LoadKeyPair(r.certFile, r.keyFile)
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
func (r *reach) registryTarget(cmd *cobra.Command) (target, error) {
	cfg, err := config.Load(r.config)
	if err != nil {
		return target{}, cli.Exit(cli.ExitUsage, err)
	}
	registry, err := chooseRegistry(cfg, r.registry)
	if err != nil {
		return target{}, cli.Misused(cmd, "%w", err)
	}
	t := target{talk.EndpointOf(registry), registry.Timeouts.Command, registry}
	if cmd.Flags().Changed("timeout") {
		t.within = r.timeout
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
