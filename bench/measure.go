package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// measure starts everything that a run needs, puts the load on it, and reads what the kernel and
// eppmux have counted.
func (c *comparison) measure(r *Run) (m Measurement, err error) {
	var s scene
	defer s.stop()
	var addresses []string
	for range max(1, r.Registries) {
		reg, address, err := c.registry(r.Latency)
		if err != nil {
			return m, err
		}
		s.registries = append(s.registries, reg)
		addresses = append(addresses, address)
	}
	if s.contestant, err = c.contestant(r, addresses); err != nil {
		return m, err
	}
	u, err := s.proc.usage()
	if err != nil {
		return m, err
	}
	m.Before = u.resident
	if s.load, err = c.load(r, s.contestant); err != nil {
		return m, err
	}
	long := c.times.settle + r.times()*(c.times.warmUp+c.times.counted) + drainTime
	return m, s.watch(&m, r.Clients+r.Idle, long)
}

func (r *Run) times() time.Duration { return time.Duration(max(1, r.Times)) }

// connectTime is how long one client may take to connect, shake hands and log in on a busy machine.
const connectTime = 20 * time.Millisecond

// scene is all processes of one run.
type scene struct {
	registries []*child
	*contestant
	load *child
}

func (s *scene) stop() {
	s.load.stop()
	if s.contestant != nil {
		s.proc.stop()
	}
	for _, r := range s.registries {
		r.stop()
	}
}

// watch follows the load and takes stock when it says that counting begins and ends.
func (s *scene) watch(m *Measurement, clients int, long time.Duration) error {
	if _, err := s.load.find("^connected$", long+connectTime*time.Duration(clients)); err != nil {
		return err
	}
	u, err := s.proc.usage()
	if err != nil {
		return err
	}
	m.Connected = u.resident
	if _, err := s.load.find("^begin$", long); err != nil {
		return err
	}
	before, err := s.take(scrapeFirst)
	if err != nil {
		return err
	}
	if _, err := s.load.find("^end$", long); err != nil {
		return err
	}
	after, err := s.take(scrapeLast)
	if err != nil {
		return err
	}
	line, err := s.load.find(`^(\{.*)`, long)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(line), &m.Load); err != nil {
		return fmt.Errorf("load printed %q: %w", line, err)
	}
	m.between(before, after)
	return nil
}

// stock is what has been used until one moment.
type stock struct {
	proxy, registry       usage
	machine, stolen       time.Duration
	mallocs, wait, waited float64
	scraping              float64 // objects that eppmux allocates for one reading of its metrics
}

// scrapeTime says when eppmux is asked for its metrics. The cost of asking must not be within what
// is measured.
type scrapeTime uint8

const (
	scrapeFirst scrapeTime = iota
	scrapeLast
)

func (s *scene) take(when scrapeTime) (k stock, err error) {
	if when == scrapeFirst {
		if err := s.scrape(&k); err != nil {
			return k, err
		}
		first := k
		if err := s.scrape(&k); err != nil {
			return k, err
		}
		k.scraping = k.mallocs - first.mallocs
	}
	if k.proxy, err = s.proc.usage(); err != nil {
		return k, err
	}
	for _, r := range s.registries {
		u, err := r.usage()
		if err != nil {
			return k, err
		}
		k.registry.cpu += u.cpu
	}
	if k.machine, k.stolen, err = machineUsage(); err != nil {
		return k, err
	}
	if when == scrapeLast {
		return k, s.scrape(&k)
	}
	return k, nil
}

func (s *scene) scrape(k *stock) error {
	if s.admin == "" {
		return nil
	}
	all, err := scrape(s.admin)
	if err != nil {
		return err
	}
	k.mallocs, k.wait, k.waited = all["go_memstats_mallocs_total"], 0, 0
	for name, v := range all {
		switch {
		case strings.HasPrefix(name, "eppmux_command_wait_seconds_sum{"):
			k.wait += v
		case strings.HasPrefix(name, "eppmux_command_wait_seconds_count{"):
			k.waited += v
		}
	}
	return nil
}

func (m *Measurement) between(a, b stock) {
	m.CPU = (b.proxy.cpu - a.proxy.cpu).Seconds()
	m.Ticks = (b.proxy.ticks - a.proxy.ticks).Seconds()
	m.RegistryCPU = (b.registry.cpu - a.registry.cpu).Seconds()
	m.OtherCPU = max(0, (b.machine-a.machine).Seconds()-m.CPU-m.RegistryCPU-m.Load.CPU)
	m.Stolen = (b.stolen - a.stolen).Seconds()
	m.After = b.proxy.resident
	m.Mallocs, m.Wait, m.Waited = max(0, b.mallocs-a.mallocs-a.scraping), b.wait-a.wait, b.waited-a.waited
}

// usualOctets is the length of a command unless a run has another.
const usualOctets = 400

// load starts the load generator, which is this program.
func (c *comparison) load(r *Run, to *contestant) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"load", "--marks", "--to", to.to,
		"--clients", strconv.Itoa(r.Clients), "--idle", strconv.Itoa(r.Idle),
		"--octets", strconv.Itoa(max(usualOctets, r.Octets)), "--rate", fmt.Sprint(r.Rate),
		"--warm-up", (r.times() * c.times.warmUp).String(), "--for", (r.times() * c.times.counted).String()}
	if r.Idle > 0 {
		args = append(args, "--settle", c.times.settle.String())
	}
	if r.Transform {
		args = append(args, "--transform")
	}
	if to.login {
		args = append(args, "--user", account, "--password", password)
	}
	if to.tls {
		args = append(args, "--ca", c.path("ca.pem"), "--cert", c.path("client.pem"), "--key", c.path("client.key"))
	}
	return start(c.ctx, self, args...)
}
