package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 0 || args[0] != "load" {
		return errors.New("usage: bench load [flags]; bench load -h lists them")
	}
	var l Load
	var ca, cert, key string
	f := flag.NewFlagSet("bench load", flag.ContinueOnError)
	f.StringVar(&l.To, "to", "127.0.0.1:7000", "`host:port` of the server")
	f.IntVar(&l.Clients, "clients", 1, "clients, each with a connection and one command at a time")
	f.DurationVar(&l.For, "for", 5*time.Second, "how long commands are counted")
	f.DurationVar(&l.WarmUp, "warm-up", 500*time.Millisecond, "how long commands are sent before that")
	f.StringVar(&l.User, "user", "", "log in as this client; empty: no login")
	f.StringVar(&l.Password, "password", "", "with this password")
	f.BoolVar(&l.SameClTRID, "same-cltrid", false, "all clients use the same clTRIDs")
	f.StringVar(&ca, "ca", "", "`file` of the certificate authority; with it, TLS is spoken")
	f.StringVar(&cert, "cert", "", "`file` of our certificate")
	f.StringVar(&key, "key", "", "`file` of its key")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if ca != "" {
		var err error
		if l.TLS, err = clientTLS(ca, cert, key); err != nil {
			return err
		}
	}
	r, err := l.Run()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

func clientTLS(ca, cert, key string) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", ca)
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}
