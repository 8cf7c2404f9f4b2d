// Package redis is a cluster.Engine by Redis 7.0 and newer, or Valkey, alone or with sentinels.
//
//   - A table is the hash eppmux:{CLUSTER}:TABLE, so all of them are in one slot.
//   - Swap is one script: it compares the value and sets the records. Nothing ever expires.
//   - Watch is a subscription to eppmux:{CLUSTER}:changed, to which the script publishes.
//
// Nothing is connected before the first request, so a host can start while its Redis is away. A server
// is refused that is too old, is a replica, or may evict records. A request is never repeated where it
// may have been carried out.
//
// Redis acknowledges a write before its replicas have it, and before it is on disk unless appendfsync
// says always. The lease of package cluster allows for what is lost so. It does not allow for two
// primaries at once: min-replicas-to-write keeps a primary that has lost its replicas from going on.
//
// With ACLs a user needs ~eppmux:{CLUSTER}:* &eppmux:{CLUSTER}:* and the commands of [Commands].
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/redis/rueidis"

	"eppmux/cluster"
	"eppmux/cluster/internal/lazy"
)

// Commands are those that a user of Redis needs, as rules of an ACL. +role is for sentinels only.
const Commands = "+info +hget +hgetall +hset +hdel +eval +evalsha +publish +subscribe +unsubscribe +ping +role"

// Config says where Redis is.
type Config struct {
	Cluster string // name of the cluster, see cluster.CheckName
	// Addresses are host:port: one of a Redis that stands alone, or those of the sentinels.
	Addresses []string
	TLS       *tls.Config // for Redis; nil: plain text
	// User and Password at Redis. A Password without a User is that of requirepass.
	User, Password string
	Sentinel       Sentinel
	Logger         *slog.Logger // for hints of the watch at level debug; nil: none
}

// Sentinel says how the sentinels are asked where the primary is.
type Sentinel struct {
	Master         string      // the name by which they know it; empty: there are none
	TLS            *tls.Config // nil: plain text
	User, Password string
}

// Engine is a cluster.Engine.
type Engine struct {
	// Immutable after New.
	cfg     Config
	prefix  string
	channel string
	address string // for errors
	client  *lazy.Value[rueidis.Client]
	check   func(context.Context, rueidis.Client) error
}

var _ cluster.Engine = (*Engine)(nil)

// New checks the config. It connects to nothing.
func New(cfg Config) (*Engine, error) {
	if err := cluster.CheckName(cfg.Cluster); err != nil {
		return nil, fmt.Errorf("redis: cluster: %w", err)
	}
	switch {
	case len(cfg.Addresses) == 0:
		return nil, errors.New("redis: addresses: there are none")
	case len(cfg.Addresses) > 1 && cfg.Sentinel.Master == "":
		return nil, errors.New("redis: addresses: several of them are sentinels, and need the name of the master")
	case cfg.User != "" && cfg.Password == "", cfg.Sentinel.User != "" && cfg.Sentinel.Password == "":
		return nil, errors.New("redis: a user has no password")
	}
	for _, a := range cfg.Addresses {
		if strings.Contains(a, "@") { // it may have a password in it
			return nil, errors.New("redis: addresses: one has an @; user and password have keys of their own")
		}
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" || strings.Contains(a, "/") {
			return nil, fmt.Errorf("redis: addresses: %q: want host:port", a)
		}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	prefix := "eppmux:{" + cfg.Cluster + "}:"
	e := &Engine{cfg: cfg, prefix: prefix, channel: prefix + "changed", check: check}
	e.address = strings.Join(cfg.Addresses, ", ")
	if cfg.Sentinel.Master != "" {
		e.address += " (sentinels of " + cfg.Sentinel.Master + ")"
	}
	e.client = lazy.New(e.open, rueidis.Client.Close)
	return e, nil
}

// Name implements cluster.Engine.
func (e *Engine) Name() string { return "redis" }

// Close implements cluster.Engine.
func (e *Engine) Close() error {
	e.client.Close()
	return nil
}

func (e *Engine) table(t cluster.Table) string { return e.prefix + t.String() }

// Load implements cluster.Engine.
func (e *Engine) Load(ctx context.Context, t cluster.Table) (map[string][]byte, error) {
	return do(ctx, e, "load "+t.String(), func(ctx context.Context, c rueidis.Client) (map[string][]byte, error) {
		got, err := c.Do(ctx, c.B().Hgetall().Key(e.table(t)).Build()).AsStrMap()
		if err != nil {
			return nil, err
		}
		all := make(map[string][]byte, len(got))
		for key, value := range got {
			all[key] = []byte(value)
		}
		return all, nil
	})
}

// Get implements cluster.Engine.
func (e *Engine) Get(ctx context.Context, t cluster.Table, key string) ([]byte, error) {
	return do(ctx, e, "get "+t.String(), func(ctx context.Context, c rueidis.Client) ([]byte, error) {
		m, err := c.Do(ctx, c.B().Hget().Key(e.table(t)).Field(key).Build()).ToMessage()
		if rueidis.IsRedisNil(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return value(m)
	})
}

// value is a record as Redis answers it; nil: there is none.
func value(m rueidis.RedisMessage) ([]byte, error) {
	if m.IsNil() {
		return nil, nil
	}
	text, err := m.ToString()
	return []byte(text), err
}
