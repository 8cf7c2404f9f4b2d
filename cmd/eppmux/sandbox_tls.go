package main

import (
	"crypto/tls"
	"net"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/localca"
	"eppmux/sandbox"
)

// transport returns the address to listen on, with TLS or without. It fails if the flags do not go
// together.
func (s *sandboxRun) transport() (cli.Address, error) {
	at, err := cli.ParseAddress(s.listen)
	if err != nil {
		return at, cli.Usagef("--listen: %v", err)
	}
	own := s.certFile != "" || s.keyFile != ""
	ways := 0
	for _, chosen := range []bool{s.plain, s.tlsDir != "", own} {
		if chosen {
			ways++
		}
	}
	switch {
	case ways != 1:
		return at, cli.Usagef("needs exactly one of --tls DIR, --tls-cert with --tls-key, and --plain")
	case own && (s.certFile == "" || s.keyFile == ""):
		return at, cli.Usagef("--tls-cert and --tls-key go together")
	case s.caFile != "" && !own:
		return at, cli.Usagef("--client-ca goes with --tls-cert; with --tls it is --mutual")
	case s.mutual && s.tlsDir == "":
		return at, cli.Usagef("--mutual goes with --tls; with --tls-cert it is --client-ca")
	case s.plain && at.TLS:
		return at, cli.Usagef("--plain: cannot listen on a tls:// address")
	case s.plain && !at.Local():
		return at, cli.Usagef("--plain: %s is not a loopback address", s.listen)
	}
	at.TLS = !s.plain
	return at, nil
}

// open opens the listener, with TLS unless --plain is given.
func (s *sandboxRun) open(at cli.Address) (net.Listener, error) {
	config, err := s.serverTLS()
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen(at.Network, at.Where)
	if err != nil || config == nil {
		return ln, err
	}
	return tls.NewListener(ln, config), nil
}

// serverTLS is the TLS of the listener; nil for --plain.
func (s *sandboxRun) serverTLS() (*tls.Config, error) {
	switch {
	case s.plain:
		return nil, nil
	case s.tlsDir != "":
		set, err := ownTLS(s.tlsDir)
		if err != nil {
			return nil, err
		}
		s.kept = set.Kept
		if s.mutual {
			return set.ServerTLS(tls.RequireAndVerifyClientCert), nil
		}
		return set.ServerTLS(tls.VerifyClientCertIfGiven), nil
	}
	pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
	if err != nil {
		return nil, err
	}
	tlsConfig := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if s.caFile != "" {
		if tlsConfig.ClientCAs, err = config.LoadRoots(s.caFile); err != nil {
			return nil, err
		}
		tlsConfig.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return tlsConfig, nil
}

// ownTLS returns the set of certificates in dir, or a new one.
func ownTLS(dir string) (*localca.Set, error) {
	return localca.OpenSet(dir, func() (*localca.Contents, error) {
		made, err := sandbox.NewTLS()
		if err != nil {
			return nil, err
		}
		return &localca.Contents{CA: made.CAPEM, Server: made.ServerCertPEM, ServerKey: made.ServerKeyPEM,
			Client: made.ClientCertPEM, ClientKey: made.ClientKeyPEM}, nil
	})
}
