package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"
)

// How near the end of one of our own certificates is. The zero value is far enough.
type nearness uint8

const (
	expiryFar     nearness = iota
	expiryMonth            // within 30 days
	expiryWeek             // within 7 days
	expiryDay              // within a day
	expiryReached          // over
)

const day = 24 * time.Hour

// near says how near the end of a certificate is. A certificate that lives so short that it is
// always near its end is renewed by a program, and warned of later: only what is less than half its
// life counts.
func near(cert *x509.Certificate, now time.Time) nearness {
	left, life := cert.NotAfter.Sub(now), cert.NotAfter.Sub(cert.NotBefore)
	within := func(d time.Duration) bool { return left < d && 2*d <= life }
	switch {
	case left <= 0:
		return expiryReached
	case within(day):
		return expiryDay
	case within(7 * day):
		return expiryWeek
	case within(30 * day):
		return expiryMonth
	}
	return expiryFar
}

// ending says when a certificate ends, as a part of a sentence.
func ending(cert *x509.Certificate, now time.Time) string {
	end := cert.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	switch left := cert.NotAfter.Sub(now); {
	case left <= 0:
		return "expired on " + end
	case left < 2*day:
		return fmt.Sprintf("expires in %d hours, on %s", left/time.Hour, end)
	default:
		return fmt.Sprintf("expires in %d days, on %s", left/day, end)
	}
}

// ownCertificate is one of our certificates: what we show to a registry, or to clients.
type ownCertificate struct {
	registry string
	key      string // in the registry's mapping of the file
	file     string
	pair     *KeyPair
}

// shownTo says who sees it, in the words of metrics.
func (o *ownCertificate) shownTo() string {
	if o.key == "tls.cert_file" {
		return "registry"
	}
	return "clients"
}

// certificates are those that r has.
func (r *Registry) certificates() []ownCertificate {
	var own []ownCertificate
	if k := r.TLS.Certificate; k != nil {
		own = append(own, ownCertificate{r.Name, "tls.cert_file", r.TLS.CertFile, k})
	}
	if k := r.Clients.TLS.Certificate; k != nil {
		own = append(own, ownCertificate{r.Name, "clients.tls.cert_file", r.Clients.TLS.CertFile, k})
	}
	return own
}

// warnExpiry adds a warning for each certificate of r that is near its end or beyond.
func warnExpiry(l *faultList, path string, r *Registry, now time.Time) {
	for _, o := range r.certificates() {
		leaf := o.pair.current.Load().Leaf
		if near(leaf, now) != expiryFar {
			l.put(Fault{l.line(join(path, o.key)), join(path, o.key), o.file + " " + ending(leaf, now)})
		}
	}
}

// expiryWatch logs when a certificate comes nearer to its end: at 30, 7 and 1 days, and every day
// from then on. Owned by the goroutine of serve.
type expiryWatch struct {
	log   *slog.Logger
	known map[*KeyPair]nearness // as it was said last
}

// watchEvery is how often the watch is to look.
const watchEvery = day

// newExpiryWatch takes what own say now as said: the warnings of the config file have it.
func newExpiryWatch(own []ownCertificate, log *slog.Logger, now time.Time) *expiryWatch {
	w := &expiryWatch{log: log}
	w.restart(own, now)
	return w
}

// restart is newExpiryWatch for the certificates of another config.
func (w *expiryWatch) restart(own []ownCertificate, now time.Time) {
	w.known = make(map[*KeyPair]nearness, len(own))
	for _, o := range own {
		w.known[o.pair] = near(o.pair.current.Load().Leaf, now)
	}
}

// look rereads each certificate and logs what is due.
func (w *expiryWatch) look(own []ownCertificate, now time.Time) {
	for _, o := range own {
		leaf := o.pair.Certificate().Leaf
		n := near(leaf, now)
		if n != w.known[o.pair] || n >= expiryDay {
			w.say(o, leaf, n, now)
		}
		w.known[o.pair] = n
	}
}

func (w *expiryWatch) say(o ownCertificate, leaf *x509.Certificate, n nearness, now time.Time) {
	level := slog.LevelWarn
	switch n {
	case expiryFar:
		return
	case expiryReached:
		level = slog.LevelError
	}
	w.log.Log(context.Background(), level, "certificate "+ending(leaf, now), "registry", o.registry, "file", o.file)
}
