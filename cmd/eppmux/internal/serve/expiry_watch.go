package serve

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/config"
)

// expiryWatch logs that a certificate comes nearer to its end: 30, 7 and 1 days before it, and
// every day from then on. Owned by the goroutine of serve.
type expiryWatch struct {
	log   *slog.Logger
	known map[*config.KeyPair]status.ExpiryStep // that was logged last
}

// watchEvery is the time between two looks.
const watchEvery = 24 * time.Hour

// newExpiryWatch begins to watch certificates. Their step of now counts as logged: it is among
// the warnings of the config file.
func newExpiryWatch(own []config.OwnCertificate, log *slog.Logger, now time.Time) *expiryWatch {
	w := &expiryWatch{log: log}
	w.restart(own, now)
	return w
}

// restart begins anew, with the certificates of another config.
func (w *expiryWatch) restart(own []config.OwnCertificate, now time.Time) {
	w.known = make(map[*config.KeyPair]status.ExpiryStep, len(own))
	for _, o := range own {
		w.known[o.Pair] = config.ExpiryStep(o.Pair.Leaf(), now)
	}
}

// look reads each certificate again and logs what is due.
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
	args := []any{"file", o.File}
	if o.Registry != "" {
		args = []any{"registry", o.Registry, "file", o.File}
	}
	w.log.Log(context.Background(), level, "certificate "+config.Ending(leaf, now), args...)
}
