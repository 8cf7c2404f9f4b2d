package enginetest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// SentinelMaster is the name by which the sentinels of StartSentinel know their primary.
const SentinelMaster = "eppmux"

// StartRedis starts a Redis that writes each change to its log before it answers. So what it has
// acknowledged outlives Kill.
func StartRedis(t testing.TB, cfg ServerConfig) *Server {
	t.Helper()
	return redisServer(cfg).start(t, "redis-server")
}

// StartReplica starts a Redis that copies from, with a delay that nobody promises, and waits until
// it has what from has now. See Promote.
func StartReplica(t testing.TB, from *Server) *Server {
	t.Helper()
	cfg := from.cfg
	cfg.Args = append([]string{"--replicaof", from.Host(), from.Port()}, cfg.Args...)
	if cfg.Password != "" {
		cfg.Args = append(cfg.Args, "--masterauth", cfg.Password)
	}
	if cfg.User != "" {
		cfg.Args = append(cfg.Args, "--masteruser", cfg.User)
	}
	if cfg.TLS != nil {
		cfg.Args = append(cfg.Args, "--tls-replication", "yes")
	}
	s := redisServer(cfg)
	ping := s.answered
	s.answered = func() error {
		if err := ping(); err != nil {
			return err
		}
		info, err := s.Redis("INFO", "replication")
		if err == nil && strings.Contains(info, "role:slave") && !strings.Contains(info, "master_link_status:up") {
			err = errors.New("the replica has no link to its primary yet")
		}
		return err
	}
	return s.start(t, "redis-server")
}

func redisServer(cfg ServerConfig) *Server {
	s := &Server{Kind: "redis", cfg: cfg}
	s.flags = func(data string) []string {
		flags := []string{"--bind", s.Host(), "--dir", data, "--save", "",
			// The log is written before the answer, and not flushed: only a crash of the machine
			// would lose it.
			"--appendonly", "yes", "--appendfsync", "no",
			"--repl-diskless-sync-delay", "0"}
		if cfg.TLS != nil {
			flags = append(flags, "--port", "0", "--tls-port", s.Port(), "--tls-auth-clients", "no",
				"--tls-cert-file", cfg.TLS.CertFile, "--tls-key-file", cfg.TLS.KeyFile, "--tls-ca-cert-file", cfg.TLS.CAFile)
		} else {
			flags = append(flags, "--port", s.Port())
		}
		switch {
		case cfg.User != "":
			flags = append(flags, "--user", "default", "off",
				"--user", cfg.User, "on", ">"+cfg.Password, "~*", "&*", "+@all")
		case cfg.Password != "":
			flags = append(flags, "--requirepass", cfg.Password)
		}
		return append(flags, cfg.Args...)
	}
	s.answered = func() error {
		_, err := s.Redis("PING")
		return err
	}
	return s
}

// StartSentinel starts a sentinel, which alone decides that its primary is lost after down, and
// promotes one of the replicas. The servers have no TLS and no users.
func StartSentinel(t testing.TB, primary *Server, down time.Duration) *Server {
	t.Helper()
	s := &Server{Kind: "sentinel"}
	s.flags = func(data string) []string {
		conf := fmt.Sprintf("bind %s\nport %s\ndir %s\nsentinel monitor %s %s %s 1\n"+
			"sentinel down-after-milliseconds %[4]s %[7]d\nsentinel failover-timeout %[4]s 5000\n",
			s.Host(), s.Port(), data, SentinelMaster, primary.Host(), primary.Port(), down.Milliseconds())
		path := filepath.Join(data, "sentinel.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{path, "--sentinel"}
	}
	s.answered = func() error {
		_, err := s.Redis("PING")
		return err
	}
	return s.start(t, "redis-server")
}

// Promote makes a replica a primary of its own, as an operator or a sentinel does. A restart makes
// it a replica again.
func (s *Server) Promote() {
	s.t.Helper()
	if _, err := s.Redis("REPLICAOF", "NO", "ONE"); err != nil {
		s.t.Fatal(err)
	}
}

// Flush removes all records while the server runs.
func (s *Server) Flush() {
	s.t.Helper()
	var err error
	if s.Kind == "etcd" {
		err = s.flushEtcd()
	} else {
		_, err = s.Redis("FLUSHALL")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// Redis sends one command by a connection of its own and returns its answer: a text as it is, a
// number in digits, nothing for none. Answers with parts are not read.
func (s *Server) Redis(command ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Addr, 5*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if s.cfg.TLS != nil {
		conn = tls.Client(conn, s.cfg.TLS.Client)
	}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	if s.cfg.Password != "" {
		login := []string{"AUTH", s.cfg.Password}
		if s.cfg.User != "" {
			login = []string{"AUTH", s.cfg.User, s.cfg.Password}
		}
		if _, err := redisCommand(conn, r, login); err != nil {
			return "", err
		}
	}
	return redisCommand(conn, r, command)
}

func redisCommand(w io.Writer, r *bufio.Reader, command []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return "", err
	}
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	switch line[0] {
	case '-':
		return "", fmt.Errorf("redis: %s: %s", command[0], line[1:])
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n+2)
		_, err = io.ReadFull(r, text)
		return string(text[:n]), err
	}
	return line[1:], nil
}
