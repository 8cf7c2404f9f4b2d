package redis

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/rueidis"

	"eppmux/cluster"
)

// do carries out one request, and makes its error one for operators. It returns when ctx ends: the
// client itself waits longer where another request of it is dialing.
func do[T any](ctx context.Context, e *Engine, step string,
	request func(context.Context, rueidis.Client) (T, error)) (T, error) {
	c, err := e.client.Get(ctx)
	if err != nil {
		return *new(T), e.failed(ctx, step, err)
	}
	type result struct {
		value T
		err   error
	}
	ended := make(chan result, 1) // the one result, read or not
	go func() {                   // ends when the client does, by its own time limits at the latest
		value, err := request(ctx, c)
		ended <- result{value, err}
	}()
	select {
	case r := <-ended:
		if r.err != nil {
			return *new(T), e.failed(ctx, step, r.err)
		}
		return r.value, nil
	case <-ctx.Done():
		return *new(T), e.failed(ctx, step, ctx.Err())
	}
}

// advice is what to do about an answer of Redis that begins so, and whether it stays so.
var advice = []struct {
	begins, do string
	refused    bool
}{
	{"WRONGPASS", "user or password is wrong", true},
	{"ERR AUTH", "Redis has no password: remove it here, or set it there", true},
	{"NOAUTH", "Redis asks for a password: set it", true},
	{"NOPERM", "give the user the keys, the channel and the commands that the documentation names", true},
	{"WRONGTYPE", "a key of this cluster holds something else: remove it", true},
	{"OOM", "Redis is full: raise its maxmemory", false},
	{"READONLY", "it is a replica: give the address of the primary, or of the sentinels", false},
	{"NOREPLICAS", "the primary has fewer replicas than its min-replicas-to-write: start them", false},
	{"MISCONF", "Redis cannot write to its disk", false},
	{"LOADING", "Redis reads its data, wait", false},
}

// failed says what an operator can do about an error.
func (e *Engine) failed(ctx context.Context, step string, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	failed := &cluster.EngineError{Engine: e.Name(), Address: e.address, Step: step, Err: err}
	text := err.Error()
	if u, ok := errors.AsType[unfit](err); ok {
		failed.Do, failed.Refused = u.do, true
		return failed
	}
	if _, ok := errors.AsType[*rueidis.RedisError](err); !ok {
		failed.Do = "see that Redis runs, and is reached from here"
		if strings.Contains(text, "x509:") || strings.Contains(text, "tls:") {
			failed.Do = "see that ca_file is the authority of its certificate, and that this names its host"
			failed.Refused = true
		}
		return failed
	}
	for _, a := range advice {
		if strings.HasPrefix(text, a.begins) {
			failed.Do, failed.Refused = a.do, a.refused
		}
	}
	return failed
}
