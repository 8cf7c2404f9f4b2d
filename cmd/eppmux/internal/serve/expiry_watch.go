package serve

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/config"
)

// expiryWatch logs when a certificate comes nearer to its end: at 30, 7 and 1 days, and every day
// from then on. Owned by the goroutine of serve.
type expiryWatch struct {
	log   *slog.Logger
	known map[*config.KeyPair]status.ExpiryStep // as it was said last
}

// watchEvery is how often the watch is to look.
const watchEvery = 24 * time.Hour

// newExpiryWatch takes what own say now as said: the warnings of the config file have it.
func newExpiryWatch(own []config.OwnCertificate, log *slog.Logger, now time.Time) *expiryWatch {
	w := &expiryWatch{log: log}
	w.restart(own, now)
	return w
}

// restart is newExpiryWatch for the certificates of another config.
func (w *expiryWatch) restart(own []config.OwnCertificate, now time.Time) {
	w.known = make(map[*config.KeyPair]status.ExpiryStep, len(own))
	for _, o := range own {
		w.known[o.Pair] = config.ExpiryStep(o.Pair.Leaf(), now)
	}
}

// look rereads each certificate and logs what is due.
func (w *expiryWatch) look(own []config.OwnCertificate, now time.Time) {
	for _, o := range own {
		leaf := o.Pair.Certificate().Leaf
		n := config.ExpiryStep(leaf, now)
		if n != w.known[o.Pair] || n >= status.ExpiryDay {
			w.say(o, leaf, n, now)
		}
		w.known[o.Pair] = n
	}
}

func (w *expiryWatch) say(o config.OwnCertificate, leaf *x509.Certificate, n status.ExpiryStep, now time.Time) {
	level := slog.LevelWarn
	switch n {
	case status.ExpiryFar:
		return
	case status.ExpiryReached:
		level = slog.LevelError
	}
	w.log.Log(context.Background(), level, "certificate "+config.Ending(leaf, now),
		"registry", o.Registry, "file", o.File)
}
