package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Kinds of contestants: what stands between the clients and the registry.
const (
	kindEPPMux  = "eppmux"
	kindHAProxy = "haproxy" // passes TCP through to TLS: each client has a session of its own
	kindNginx   = "nginx"   // likewise, with its stream module
	kindPerl    = "perl"    // one session for all, see onesession.pl
	kindDirect  = "direct"  // nothing: the clients speak TLS and log in
)

// The account at the sandbox that all contestants use.
const (
	account  = "demo"
	password = "demo-secret"
)

// bench is the place that the runs of one measurement share.
type bench struct {
	ctx    context.Context
	dir    string // certificates, configs, programs; removed at the end
	eppmux string // the program
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) write(name, text string) error {
	return os.WriteFile(b.path(name), []byte(text), 0o600)
}

// newBench builds eppmux and makes the certificates. close removes them.
func newBench(ctx context.Context) (b *bench, err error) {
	b = &bench{ctx: ctx}
	if b.dir, err = os.MkdirTemp("", "eppmux-bench-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	b.eppmux = b.path("eppmux")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.eppmux, "eppmux/cmd/eppmux")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	r, _, err := b.registry(0)
	if err != nil {
		return nil, err
	}
	r.stop()
	var both []byte
	for _, name := range []string{"client.pem", "client.key"} {
		text, err := os.ReadFile(b.path(name))
		if err != nil {
			return nil, err
		}
		both = append(both, text...)
	}
	return b, errors.Join(
		b.write("both.pem", string(both)),
		b.write("password", password+"\n"),
		b.write("onesession.pl", oneSession))
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// registry starts a sandbox that demands client certificates and admits any number of sessions and
// commands.
func (b *bench) registry(latency time.Duration) (*child, string, error) {
	c, err := start(b.ctx, b.eppmux, "sandbox", "--listen", "127.0.0.1:0", "--tls", b.dir, "--mutual",
		"--sessions", "100000", "--latency", latency.String())
	if err != nil {
		return nil, "", err
	}
	address, err := c.find(`listening on \w+://(\S+)`, 0)
	if err != nil {
		c.stop()
		return nil, "", err
	}
	return c, address, nil
}

// contestant is a contestant that is ready for clients.
type contestant struct {
	proc  *child // nil: there is none
	to    string // where clients connect, with commas between
	admin string // of eppmux
	login bool   // clients log in
	tls   bool   // clients speak TLS
}

// contestant starts the contestant of a run in front of the registries.
func (b *bench) contestant(r *Run, registries []string) (*contestant, error) {
	c := &contestant{login: true}
	var err error
	switch r.Kind {
	case kindEPPMux:
		c.login = false
		err = b.startEPPMux(c, r, registries)
	case kindHAProxy:
		err = b.startPassing(c, "haproxy", haproxyConfig, r, registries[0])
	case kindNginx:
		err = b.startPassing(c, "nginx", nginxConfig, r, registries[0])
	case kindPerl:
		c.login = false
		err = b.startPerl(c, registries[0])
	case kindDirect:
		c.to, c.tls = strings.Join(registries, ","), true
	default:
		err = fmt.Errorf("BUG: kind %q", r.Kind)
	}
	if err != nil {
		c.proc.stop()
		return nil, fmt.Errorf("%s: %w", r.Kind, err)
	}
	return c, nil
}

// missing says what a kind lacks on this machine. It is empty if nothing is missing.
func missing(kind string) string {
	switch kind {
	case kindHAProxy, kindNginx:
		if _, err := programPath(kind); err != nil {
			return kind + " is not installed"
		}
		if kind == kindNginx && nginxStream() == "" {
			return "the stream module of nginx is not installed"
		}
	case kindPerl:
		if exec.Command("perl", "-MNet::EPP::Client", "-MIO::Socket::SSL", "-e", "1").Run() != nil {
			return "libnet-epp-perl is not installed"
		}
	}
	return ""
}

// programPath finds a program. It may lie in a folder that is on the path of root only.
func programPath(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

//go:embed onesession.pl
var oneSession string

func (b *bench) startPerl(c *contestant, registry string) (err error) {
	_, port, _ := net.SplitHostPort(registry)
	c.proc, err = start(b.ctx, "perl", b.path("onesession.pl"), port,
		b.path("ca.pem"), b.path("client.pem"), b.path("client.key"), account, password)
	if err != nil {
		return err
	}
	c.to, err = c.proc.find(`listening on (\S+)`, 0)
	return err
}

// passingConfig writes the config file of a proxy, and the arguments with which the proxy reads it.
type passingConfig func(b *bench, r *Run, listen, registry string) (text string, args []string)

// startPassing starts a proxy that takes its port from a config file, and waits until it accepts.
func (b *bench) startPassing(c *contestant, name string, config passingConfig, r *Run, registry string) error {
	c.to = freeAddress()
	text, args := config(b, r, c.to, registry)
	if err := b.write(name+".conf", text); err != nil {
		return err
	}
	path, err := programPath(name)
	if err != nil {
		return err
	}
	if c.proc, err = start(b.ctx, path, args...); err != nil {
		return err
	}
	return c.proc.poll("a connection", func() error {
		nc, err := net.Dial("tcp", c.to)
		if err == nil {
			nc.Close()
			_, err = c.proc.usage() // no other process has answered in its place
		}
		return err
	})
}

// freeAddress returns an address on which nobody listens. Its port is below those that the system
// gives to outgoing connections, so it stays free until it is used.
func freeAddress() string {
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return address
		}
	}
}
