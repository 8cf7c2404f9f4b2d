package etcd

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	// handshake bounds one attempt to connect to one endpoint, and the login.
	handshake = 3 * time.Second
	// comeback is the longest pause between two attempts to connect. By default grpc waits for up to
	// two minutes, so that a long outage of etcd would last two minutes longer.
	comeback = time.Second
	// alive is how often a connection is asked whether it still is, the least that grpc allows.
	alive = 10 * time.Second
	// dead is how long it may owe the answer.
	dead = 3 * time.Second
)

// open makes the client. It waits for etcd only where there is a user to log in.
func (e *Engine) open() (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:            e.cfg.Endpoints,
		TLS:                  e.cfg.TLS,
		Username:             e.cfg.User,
		Password:             e.cfg.Password,
		DialTimeout:          handshake,
		DialKeepAliveTime:    alive,
		DialKeepAliveTimeout: dead,
		// The default is 100 attempts. The client repeats a transaction also where the server has
		// cancelled it, and that one may have been carried out: its repeat would find another value.
		MaxUnaryRetries: 1,
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: comeback / 10, Multiplier: 1.6, Jitter: 0.2, MaxDelay: comeback},
			MinConnectTimeout: handshake,
		})},
		Logger: zap.NewNop(), // what it says comes back as errors
	})
}
