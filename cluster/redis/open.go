package redis

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// handshake bounds one attempt to connect, with login.
	handshake = 3 * time.Second
	// dead is how long a connection may owe an answer, before it is closed.
	dead = 5 * time.Second
	// reconcile is how often sentinels are asked where the primary is, besides what they tell.
	reconcile = 5 * time.Second
	// buffers are what one connection has to read and to write, in octets.
	buffers = 32 << 10
)

// open connects, and checks the server.
func (e *Engine) open() (rueidis.Client, error) {
	dialer := net.Dialer{Timeout: handshake, KeepAlive: time.Second}
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: e.cfg.Addresses, ForceSingleClient: true,
		TLSConfig: e.cfg.TLS, Username: e.cfg.User, Password: e.cfg.Password,
		Dialer: dialer, ConnWriteTimeout: dead,
		Sentinel: rueidis.SentinelOption{
			MasterSet: e.cfg.Sentinel.Master, Dialer: dialer, TLSConfig: e.cfg.Sentinel.TLS,
			Username: e.cfg.Sentinel.User, Password: e.cfg.Sentinel.Password,
			TopologyRefreshInterval: reconcile,
		},
		// A request that has failed may have been carried out. Its repeat would find another value.
		DisableRetry: true,
		DisableCache: true,
		// One connection, always read: its end is noticed before the next request, not by it.
		AlwaysPipelining: true, PipelineMultiplex: -1,
		ReadBufferEachConn: buffers, WriteBufferEachConn: buffers,
		ClientSetInfo: rueidis.DisableClientSetInfo, // Redis has it since 7.2
	})
	if err != nil {
		if c != nil { // with ForceSingleClient there is one all the same
			c.Close()
		}
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), dead)
	defer cancel()
	if err := e.check(ctx, c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// unfit is why a server is refused, and what to do about it.
type unfit struct{ what, do string }

// Error implements error.
func (u unfit) Error() string { return u.what }

// oldest is the oldest version of Redis that serves. Valkey gives the last one of Redis that it is
// compatible with, 7.2.4, besides its own.
const oldest = 7

// check refuses a server that could lose records by itself.
func check(ctx context.Context, c rueidis.Client) error {
	text, err := c.Do(ctx, c.B().Info().Build()).ToString()
	if err != nil {
		return err
	}
	return judge(text)
}

// judge reads the answer to INFO, which tells all, and needs less than CONFIG, which shows passwords.
func judge(text string) error {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[key] = value
		}
	}
	version := info["redis_version"]
	number, _, _ := strings.Cut(version, ".")
	major, err := strconv.Atoi(number)
	switch policy := info["maxmemory_policy"]; {
	case err != nil || major < oldest:
		return unfit{fmt.Sprintf("it is Redis %q", version), "use Redis 7.0 or newer, or Valkey"}
	case info["redis_mode"] == "sentinel":
		return unfit{"it is a sentinel", "set the name of its master in sentinel"}
	case info["role"] != "master":
		return unfit{"it is a replica", "give the address of the primary, or of the sentinels"}
	case policy != "noeviction":
		return unfit{fmt.Sprintf("its maxmemory-policy is %q: it may remove records", policy),
			"set maxmemory-policy noeviction, in its config file and by CONFIG SET, or use another server"}
	}
	return nil
}
