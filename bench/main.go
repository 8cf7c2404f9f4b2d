package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is the program. The processes that it starts end with ctx.
func run(ctx context.Context, args []string, out io.Writer) error {
	verbs := map[string]func(context.Context, []string, io.Writer) error{
		"load": runLoad, "compare": runCompare, "capacity": runCapacity, "report": runReport,
	}
	if len(args) == 0 || verbs[args[0]] == nil {
		return errors.New("usage: bench load|compare|capacity|report [flags]; -h behind one of them lists its flags")
	}
	return verbs[args[0]](ctx, args[1:], out)
}

func runLoad(_ context.Context, args []string, out io.Writer) error {
	var l Load
	var ca, cert, key string
	var marks bool
	f := flag.NewFlagSet("bench load", flag.ContinueOnError)
	f.StringVar(&l.To, "to", "127.0.0.1:7000", "`host:port` of the server; of several, with commas between")
	f.IntVar(&l.Clients, "clients", 1, "clients, each with a connection and one command at a time")
	f.IntVar(&l.Idle, "idle", 0, "more clients, which connect and are silent")
	f.DurationVar(&l.Settle, "settle", 0, "how long nothing is sent after the last has connected")
	f.DurationVar(&l.For, "for", 5*time.Second, "how long commands are counted")
	f.DurationVar(&l.WarmUp, "warm-up", 500*time.Millisecond, "how long commands are sent before that")
	f.Float64Var(&l.Rate, "rate", 0, "open loop: so many commands a second from all clients, whatever the answers do")
	f.IntVar(&l.Octets, "octets", 0,
		"length of a command's data unit: further names and comments fill it up (default one name)")
	f.BoolVar(&l.Transform, "transform", false, "send deletes of domains that do not exist in place of checks")
	f.StringVar(&l.User, "user", "", "log in as this client; empty: no login")
	f.StringVar(&l.Password, "password", "", "with this password")
	f.BoolVar(&l.SameClTRID, "same-cltrid", false, "all clients use the same clTRIDs")
	f.BoolVar(&marks, "marks", false, "print a line when all are connected, and when counting begins and ends")
	f.StringVar(&ca, "ca", "", "`file` of the certificate authority; with it, TLS is spoken")
	f.StringVar(&cert, "cert", "", "`file` of our certificate")
	f.StringVar(&key, "key", "", "`file` of its key")
	if err := f.Parse(args); err != nil {
		return err
	}
	if marks {
		l.Marks = out
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
