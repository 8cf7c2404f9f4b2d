package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startEPPMux starts eppmux with all the registries in its config, and waits until all sessions are
// open.
func (b *bench) startEPPMux(c *contestant, r *Run, registries []string) (err error) {
	if err := b.write("config.yaml", eppmuxConfig(b, r, registries)); err != nil {
		return err
	}
	if err := os.RemoveAll(b.path("audit.log")); err != nil {
		return err
	}
	if c.proc, err = start(b.ctx, b.eppmux, "serve", "--config", b.path("config.yaml")); err != nil {
		return err
	}
	var to []string
	for range registries {
		address, err := c.proc.find(`msg=listening .*listener=tcp://(\S+)`, 0)
		if err != nil {
			return err
		}
		to = append(to, address)
	}
	c.to = strings.Join(to, ",")
	if c.admin, err = c.proc.find(`msg="admin listening" listener=(\S+)`, 0); err != nil {
		return err
	}
	return c.proc.poll("its sessions", func() error {
		m, err := scrape(c.admin)
		for i := range registries {
			n := m[fmt.Sprintf(`eppmux_sessions{registry="r%d",state="idle"}`, i)]
			if err == nil && int(n) < r.Sessions {
				err = fmt.Errorf("%v of %d at registry %d", n, r.Sessions, i)
			}
		}
		return err
	})
}

// eppmuxConfig returns a config without rate limits and with time enough for every command.
func eppmuxConfig(b *bench, r *Run, registries []string) string {
	var t strings.Builder
	t.WriteString("registries:\n")
	for i, address := range registries {
		fmt.Fprintf(&t, `  - name: r%d
    listen: ["tcp://127.0.0.1:0"]
    address: %s
    tls: {server_name: localhost, ca_file: ca.pem, cert_file: client.pem, key_file: client.key}
    login: {client_id: %s, password_file: password}
    sessions: {min: %d, max: %[4]d}
    timeouts: {queue: 60s}
    rate_limits: []
`, i, address, account, r.Sessions)
	}
	t.WriteString("admin: {listen: \"127.0.0.1:0\"}\n")
	if r.Audit != "" {
		fmt.Fprintf(&t, "audit: {file: %s, commands: %s}\n", b.path("audit.log"), r.Audit)
	}
	return t.String()
}

// haproxyConfig chooses what serves HAProxy best: no log and no health checks. It has the threads
// that HAProxy chooses (one for each processor) unless the run has a number.
func haproxyConfig(b *bench, r *Run, listen, registry string) (text string, args []string) {
	threads := ""
	if r.Threads > 0 {
		threads = "nbthread " + strconv.Itoa(r.Threads)
	}
	text = fmt.Sprintf(`global
	maxconn %d
	%s
defaults
	mode tcp
	timeout connect 10s
	timeout client 1h
	timeout server 1h
listen epp
	bind %s backlog 4096
	server registry %s ssl crt %s ca-file %s verify required sni str(localhost) verifyhost localhost
`, r.Clients+r.Idle+100, threads, listen, registry, b.path("both.pem"), b.path("ca.pem"))
	return text, []string{"-db", "-f", b.path("haproxy.conf")}
}

// nginxConfig chooses what serves nginx best: no log, and a worker for each processor unless the
// run has a number.
func nginxConfig(b *bench, r *Run, listen, registry string) (text string, args []string) {
	workers := "auto"
	if r.Threads > 0 {
		workers = strconv.Itoa(r.Threads)
	}
	connections := 2*(r.Clients+r.Idle) + 100
	text = fmt.Sprintf(`load_module %s;
daemon off;
pid %s;
error_log stderr crit;
worker_processes %s;
worker_rlimit_nofile %d;
events { worker_connections %d; }
stream {
	server {
		listen %s backlog=4096;
		proxy_pass %s;
		proxy_timeout 1h;
		proxy_ssl on;
		proxy_ssl_certificate %s;
		proxy_ssl_certificate_key %s;
		proxy_ssl_trusted_certificate %s;
		proxy_ssl_verify on;
		proxy_ssl_server_name on;
		proxy_ssl_name localhost;
	}
}
`, nginxStream(), b.path("nginx.pid"), workers, connections+100, connections, listen, registry,
		b.path("client.pem"), b.path("client.key"), b.path("ca.pem"))
	return text, []string{"-p", b.dir, "-c", b.path("nginx.conf"), "-e", "stderr"}
}

// nginxStream returns the path of the stream module where Debian puts it, or nothing if it is not
// there.
func nginxStream() string {
	found, _ := filepath.Glob("/usr/lib/nginx/modules/ngx_stream_module.so")
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// samples are metrics, by name and labels as they are written.
type samples map[string]float64

// scrape reads the metrics of eppmux.
func scrape(admin string) (samples, error) {
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + admin + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("metrics: %s", resp.Status)
	}
	all := samples{}
	s := bufio.NewScanner(resp.Body)
	for s.Scan() {
		line := s.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			all[line[:i]] = v
		}
	}
	return all, s.Err()
}
