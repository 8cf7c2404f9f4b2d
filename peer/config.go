package peer

import (
	"crypto/tls"
	"log/slog"
	"time"

	"eppmux/upstream"
)

// Config says what lanes are taken. The comments say what zero values mean.
type Config struct {
	Address string // to listen on, host:port
	Cluster string
	Host    string // this one
	Program string // its version

	// TLS returns the certificate of this host, and in ClientCAs the cluster's authority, for one
	// handshake. The rest is set here. It may return the same config each time, with callbacks that read
	// files again. From any goroutine.
	TLS func() *tls.Config
	// Lookup returns what this host is for the account of a key, see cluster.AccountKey; false: it does
	// not serve the account. From any goroutine; it must not block.
	Lookup func(key string) (Tenancy, bool)
	// OnSkew is told, from any goroutine, by how much the wall clock of a follower is ahead of ours, as
	// far as a Hello tells: its time on the way makes it less. Nil: nobody.
	OnSkew func(host string, skew time.Duration)

	Lanes    int // of one follower to one account at a time; 0: 64
	MaxFrame int // octets of the payload of a client's command; 0: 262144
	Logger   *slog.Logger
}

// Tenancy is what this host is for an account.
type Tenancy struct {
	Account *upstream.Account
	// Owner and Peer are the host that is known to own it, and where that takes lanes; empty: nobody is
	// known.
	Owner, Peer string
	Term        uint64 // of Owner
	Owned       bool   // by this host
}

const (
	// openingTimeout is the longest time of a connection's handshake and Hello together.
	openingTimeout = 5 * time.Second
	// openingsMax is how many connections may be in their opening at a time. Beyond it the oldest ends.
	openingsMax = 64
	// unitTimeout is the longest time from a command's first octet to its last: a follower writes it at
	// once.
	unitTimeout = 10 * time.Second
	// stallTimeout is how long a follower may take nothing of an answer that waits for it.
	stallTimeout = 10 * time.Second
	// lingerTimeout is how long a lane that has been told its end waits for the follower's.
	lingerTimeout = 2 * time.Second
	// greetingBacklog is how much may be unsent, in octets, where a greeting is to be added.
	greetingBacklog = 64 << 10
	// trimmings is by how much a command on a lane may be longer than at its client: a muxTRID stands in
	// it, with its element.
	trimmings = 1 << 10
	// maxAuthor is the longest payload of a lane.Author, with room for what a later version adds.
	maxAuthor = 1 << 10
	// maxHost is the longest name of a host, in octets.
	maxHost = 253
)

// setDefaults replaces the zero values of cfg.
func setDefaults(cfg *Config) {
	if cfg.Lanes == 0 {
		cfg.Lanes = 64
	}
	if cfg.MaxFrame == 0 {
		cfg.MaxFrame = 262_144
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
}
