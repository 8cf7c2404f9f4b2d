package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"eppmux/cmd/eppmux/internal/config"
	"eppmux/gateway"
)

// httpServer is what is used of a gateway.Server.
type httpServer interface {
	Listen() error
	Serve()
	Reload(gateway.Config) error
	Drain(within time.Duration) error
	Close() error
}

// newHTTPServer makes the server of a gateway.
func newHTTPServer(cfg gateway.Config) (httpServer, error) { return gateway.New(cfg) }

// gatewayPart is the gateway while it is served. Owned by the goroutine of serve, and once it is retired, by
// its retirement.
type gatewayPart struct {
	server httpServer
	cfg    config.Gateway // that was applied last
	log    *slog.Logger

	// How to speak TLS with clients. A reload that changes nothing of it keeps the pointer, and with it the
	// key pair, which rereads its files.
	tls *tls.Config

	gone chan struct{} // closed when nothing of a retired gateway is left
}

// lastAnswers is how long requests whose commands have ended may take to be answered.
const lastAnswers = time.Second

// openGateway makes the gateway of cfg over the members of now, and opens its listeners. Whoever connects
// waits until Serve. close must be called.
func (s *service) openGateway(cfg *config.Config) (*gatewayPart, error) {
	g := &gatewayPart{cfg: *cfg.Gateway, log: s.log, gone: make(chan struct{})}
	g.cfg.TLS.Certificate.LogTo(s.log)
	g.tls = g.cfg.TLSConfig()
	var err error
	if g.server, err = s.newGateway(s.gatewayConfig(&g.cfg, g.tls)); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if err := g.server.Listen(); err != nil {
		return nil, fmt.Errorf("gateway: %w", errors.Join(err, g.server.Close()))
	}
	collectAt(gcPercentGateway)
	return g, nil
}

// keyFile is where the gateway remembers what became of changes; empty: there is no folder that lasts.
func (s *service) keyFile() string {
	if s.stateFolder == "" {
		return ""
	}
	return filepath.Join(s.stateFolder, "gateway.keys")
}

// reload applies the section of cfg, over the members of now. After an error nothing of the section has
// changed.
func (g *gatewayPart) reload(s *service, cfg *config.Config) error {
	next, speak := *cfg.Gateway, g.tls
	if next.TLS.Certificate.SameAs(g.cfg.TLS.Certificate) {
		next.TLS.Certificate = g.cfg.TLS.Certificate
	} else {
		next.TLS.Certificate.LogTo(s.log)
		speak = next.TLSConfig()
	}
	if err := g.server.Reload(s.gatewayConfig(&next, speak)); err != nil {
		return err
	}
	g.cfg, g.tls = next, speak
	return nil
}

// follow makes the gateway use the members of now, and leaves all else as it is.
func (g *gatewayPart) follow(s *service) {
	if g == nil {
		return
	}
	if err := g.server.Reload(s.gatewayConfig(&g.cfg, g.tls)); err != nil {
		s.log.Error("gateway goes on with the registries of before", "err", err.Error())
	}
}

// drain takes no new requests, and waits for those under way. A nil gateway has none.
func (g *gatewayPart) drain(within time.Duration) error {
	if g == nil {
		return nil
	}
	return g.server.Drain(within)
}

// servedGateway is a gateway as scrapes and the status page see it. Immutable.
type servedGateway struct {
	server    *gateway.Server
	listeners []string
	keyFile   string
}

// served is the gateway as scrapes see it; nil: there is none.
func (g *gatewayPart) served(keyFile string) *servedGateway {
	if g == nil {
		return nil
	}
	server, ok := g.server.(*gateway.Server)
	if !ok {
		return nil
	}
	return &servedGateway{server, server.Addresses(), keyFile}
}

func (g *gatewayPart) close() error {
	if g == nil {
		return nil
	}
	return g.server.Close()
}

// certificates returns our certificates that the gateway uses; none for nil.
func (g *gatewayPart) certificates() []config.OwnCertificate {
	if g == nil {
		return nil
	}
	return g.cfg.Certificates()
}

// listensAt reports whether the gateway may have the address of l.
func (g *gatewayPart) listensAt(l config.Listen) bool {
	return g != nil && slices.ContainsFunc(g.cfg.Listen, func(o config.GatewayListen) bool {
		return l.Meets(config.Listen{Network: o.Network, Address: o.Address})
	})
}

// retire ends the gateway within the given time, on a goroutine of its own.
func (g *gatewayPart) retire(within time.Duration) { go g.end(within) }

// end drains and closes a gateway that is retired. service.close waits for it, and so does the next gateway:
// both would have the key file.
func (g *gatewayPart) end(within time.Duration) {
	defer close(g.gone)
	if err := errors.Join(g.drain(within), g.close()); err != nil {
		g.log.Warn("gateway has ended with an error", "err", err.Error())
		return
	}
	g.log.Info("gateway has ended")
}

// applyGateway makes the gateway what cfg says, and the members of now what it uses. It returns the section
// that is in use then.
func (s *service) applyGateway(ctx context.Context, cfg *config.Config, done *changes) *config.Gateway {
	switch next := cfg.Gateway; {
	case next == nil && s.gateway == nil:
		return nil
	case next == nil:
		s.leftGateway, s.gateway = s.gateway, nil
		s.leftGateway.retire(cfg.DrainTimeout)
		collectAt(gcPercent)
	case s.gateway == nil:
		if err := s.startGateway(ctx, cfg); err != nil {
			s.log.Error("gateway could not be started", "err", err.Error())
			done.failed = append(done.failed, "gateway")
			return nil
		}
	case sameGateway(&s.gateway.cfg, next):
		s.gateway.follow(s)
		return &s.gateway.cfg
	default:
		if err := s.gateway.reload(s, cfg); err != nil {
			s.log.Error("gateway stays as it was", "err", err.Error())
			done.failed = append(done.failed, "gateway")
			s.gateway.follow(s)
			return &s.gateway.cfg
		}
	}
	done.settings = append(done.settings, "gateway")
	return cfg.Gateway
}

// startGateway opens and serves the gateway of cfg, behind the end of one that was retired.
func (s *service) startGateway(ctx context.Context, cfg *config.Config) (err error) {
	if s.leftGateway != nil {
		select {
		case <-s.leftGateway.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if s.gateway, err = s.openGateway(cfg); err != nil {
		return err
	}
	s.gateway.server.Serve()
	return nil
}

// sameGateway reports whether a and b are equal, with the contents of hashes and certificates.
func sameGateway(a, b *config.Gateway) bool {
	x, y := *a, *b
	x.TLS.Certificate, y.TLS.Certificate = nil, nil
	return a.TLS.Certificate.SameAs(b.TLS.Certificate) && reflect.DeepEqual(x, y)
}
