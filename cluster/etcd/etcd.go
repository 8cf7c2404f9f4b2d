// Package etcd is a cluster.Engine by etcd 3.4 and newer. It uses no leases of etcd's: a lease is a
// record like any other, see package cluster.
//
//   - A record is the key /eppmux/CLUSTER/TABLE/KEY.
//   - Load and Get read linearizably: they see what any Swap before them has done.
//   - Swap is one transaction. It compares the value, sets the records, or reads what is there.
//
// Nothing is connected before the first request, so a host can start while its etcd is away. A request
// is never repeated where it may have been carried out.
package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"eppmux/cluster"
	"eppmux/cluster/internal/lazy"
)

// Config says where etcd is.
type Config struct {
	Cluster string // name of the cluster: printable ASCII without spaces and slashes
	// Endpoints are URLs or host:port, of one etcd cluster. With TLS they are https, else http.
	Endpoints []string
	TLS       *tls.Config // nil: plain text
	// User and Password; both or neither.
	User, Password string
	Logger         *slog.Logger // for hints of the watch at level debug; nil: none
}

// Engine is a cluster.Engine.
type Engine struct {
	// Immutable after New.
	cfg     Config
	prefix  string
	address string // for errors
	client  *lazy.Value[*clientv3.Client]
}

var _ cluster.Engine = (*Engine)(nil)

// New checks the config. It connects to nothing.
func New(cfg Config) (*Engine, error) {
	if err := cluster.CheckName(cfg.Cluster); err != nil {
		return nil, fmt.Errorf("etcd: cluster: %w", err)
	}
	if len(cfg.Endpoints) == 0 {
		return nil, errors.New("etcd: endpoints: there are none")
	}
	if (cfg.User == "") != (cfg.Password == "") {
		return nil, errors.New("etcd: user and password: one is there without the other")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	endpoints := make([]string, 0, len(cfg.Endpoints))
	for _, e := range cfg.Endpoints {
		url, err := endpoint(e, cfg.TLS != nil)
		if err != nil {
			return nil, fmt.Errorf("etcd: endpoints: %w", err)
		}
		endpoints = append(endpoints, url)
	}
	cfg.Endpoints = endpoints
	e := &Engine{cfg: cfg, prefix: "/eppmux/" + cfg.Cluster + "/", address: strings.Join(endpoints, ", ")}
	e.client = lazy.New(e.open, func(c *clientv3.Client) { c.Close() })
	return e, nil
}

// endpoint is the URL of one.
func endpoint(text string, secure bool) (string, error) {
	want := "http://"
	if secure {
		want = "https://"
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = strings.TrimSuffix(want, "://"), text
	}
	switch {
	case strings.Contains(rest, "@"):
		return "", errors.New("a URL has an @; user and password have keys of their own") // it may be a password
	case scheme+"://" != want && secure:
		return "", fmt.Errorf("%q: with TLS it must begin with https://", text)
	case scheme+"://" != want:
		return "", fmt.Errorf("%q: without TLS it must begin with http://", text)
	case rest == "" || strings.ContainsAny(strings.TrimSuffix(rest, "/"), "/ "):
		return "", fmt.Errorf("%q: want a host and a port", text)
	}
	return want + strings.TrimSuffix(rest, "/"), nil
}

// Name implements cluster.Engine.
func (e *Engine) Name() string { return "etcd" }

// Close implements cluster.Engine.
func (e *Engine) Close() error {
	e.client.Close()
	return nil
}

func (e *Engine) folder(t cluster.Table) string { return e.prefix + t.String() + "/" }

// Load implements cluster.Engine.
func (e *Engine) Load(ctx context.Context, t cluster.Table) (map[string][]byte, error) {
	folder := e.folder(t)
	var all map[string][]byte
	err := e.do(ctx, "load "+t.String(), func(c *clientv3.Client) error {
		got, err := c.Get(ctx, folder, clientv3.WithPrefix())
		if err != nil {
			return err
		}
		all = make(map[string][]byte, len(got.Kvs))
		for _, kv := range got.Kvs {
			all[strings.TrimPrefix(string(kv.Key), folder)] = present(kv.Value)
		}
		return nil
	})
	return all, err
}

// Get implements cluster.Engine.
func (e *Engine) Get(ctx context.Context, t cluster.Table, key string) ([]byte, error) {
	var value []byte
	err := e.do(ctx, "get "+t.String(), func(c *clientv3.Client) error {
		got, err := c.Get(ctx, e.folder(t)+key)
		if err == nil && len(got.Kvs) > 0 {
			value = present(got.Kvs[0].Value)
		}
		return err
	})
	return value, err
}

// Swap implements cluster.Engine.
func (e *Engine) Swap(ctx context.Context, r cluster.Record, old []byte, with ...cluster.Record) (bool, []byte, error) {
	key := e.folder(r.Table) + r.Key
	// A key that is not there has the create revision 0. Its value equals none, not even the empty one.
	same := clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
	if old != nil {
		same = clientv3.Compare(clientv3.Value(key), "=", string(old))
	}
	set := []clientv3.Op{e.set(r)}
	for _, w := range with {
		set = append(set, e.set(w))
	}
	var done bool
	var now []byte
	err := e.do(ctx, "swap "+r.Table.String(), func(c *clientv3.Client) error {
		got, err := c.Txn(ctx).If(same).Then(set...).Else(clientv3.OpGet(key)).Commit()
		if err != nil || got.Succeeded {
			done = err == nil
			return err
		}
		if kvs := got.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
			now = present(kvs[0].Value)
		}
		return nil
	})
	return done, now, err
}

// set is the part of a transaction that sets or removes a record.
func (e *Engine) set(r cluster.Record) clientv3.Op {
	key := e.folder(r.Table) + r.Key
	if r.Value == nil {
		return clientv3.OpDelete(key)
	}
	return clientv3.OpPut(key, string(r.Value))
}

// present is a value that is there: etcd's client has nil for an empty one.
func present(value []byte) []byte {
	if value == nil {
		return []byte{}
	}
	return value
}

// do carries out one request, and makes its error one for operators. A request that was refused for its
// token was not carried out: it is sent once more, by a client that has logged in anew.
func (e *Engine) do(ctx context.Context, step string, request func(*clientv3.Client) error) error {
	c, err := e.client.Get(ctx)
	if err == nil {
		if err = request(c); errors.Is(err, errToken) {
			e.client.Drop(c)
			if c, err = e.client.Get(ctx); err == nil {
				err = request(c)
			}
		}
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return e.failed(step, err)
}

// failed says what an operator can do about an error.
func (e *Engine) failed(step string, err error) error {
	failed := &cluster.EngineError{Engine: e.Name(), Address: e.address, Step: step, Err: err}
	text := err.Error()
	switch {
	case errors.Is(err, rpctypes.ErrAuthFailed):
		failed.Do, failed.Refused = "user or password is wrong", true
	case errors.Is(err, rpctypes.ErrUserEmpty), errors.Is(err, rpctypes.ErrInvalidAuthToken):
		failed.Do, failed.Refused = "etcd asks for a user and password: set them", true
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		failed.Do, failed.Refused = "give the user's role read and write on the prefix "+e.prefix, true
	case errors.Is(err, rpctypes.ErrRequestTooLarge):
		failed.Do = "raise --max-request-bytes of etcd, by default 1.5 MiB"
	case errors.Is(err, rpctypes.ErrNoSpace):
		failed.Do = "etcd is full: compact, defragment, and disarm its alarm"
	case strings.Contains(text, "x509:"), strings.Contains(text, "tls:"):
		failed.Do = "see that ca_file is the authority of its certificate, and that this names its host"
		failed.Refused = true
	case status.Code(err) == codes.Unavailable, errors.Is(err, context.DeadlineExceeded):
		failed.Do = "see that etcd runs, has a leader, and is reached from here"
	}
	return failed
}
