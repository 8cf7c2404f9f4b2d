package etcd

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
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
				BaseDelay: comeback / 10, Multiplier: 1.6, Jitter: 0.2, MaxDelay: comeback,
			},
			MinConnectTimeout: handshake,
		}), grpc.WithChainUnaryInterceptor(e.once)},
		Logger: zap.NewNop(), // what it says comes back as errors
	})
}

// errToken is a request that was refused, since the token of the login has expired, or etcd has lost it.
// The request was not carried out.
var errToken = errors.New("the login has expired")

// once sends one request. It is the last to do so: what the client does around it is behind it.
//
// A request that finds no connection fails with the cause of that at once, where the client would have
// it wait for its deadline, and forget the cause. A refused token ends the client, see do: the client
// itself would log in again and send the old token with that, which etcd 3.4 refuses, so it would log
// in again, without end.
func (e *Engine) once(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	send grpc.UnaryInvoker, options ...grpc.CallOption) error {
	err := send(ctx, method, request, reply, conn, append(options, grpc.WaitForReady(false))...)
	if is := rpctypes.Error(err); e.cfg.User != "" &&
		(errors.Is(is, rpctypes.ErrInvalidAuthToken) || errors.Is(is, rpctypes.ErrAuthOldRevision)) {
		return errToken
	}
	return err
}
