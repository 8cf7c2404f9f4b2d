package serve

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"eppmux/admin/status"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/gateway"
)

// gcPercent is how much the heap grows between collections. Thousands of idle clients take less
// memory this way. Collections stay rare, since commands allocate next to nothing. Requests of HTTP do
// allocate: with a gateway it is what Go takes by itself, or a tenth of its time would go into collections.
const (
	gcPercent        = 25
	gcPercentGateway = 100
)

// collectAt has the heap grow by so many percent between collections, unless the operator says by how many.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// Options has what Run needs. All fields must be set.
type Options struct {
	File    string         // of the config, for reloads
	Config  *config.Config // loaded from File
	Version string         // of the program, for the log and the status page
	Log     *Log           // in the form of Config.Log
}

// Run serves until ctx ends. Then it lets the commands in flight be answered, and returns. It may
// be called once in a process: it takes the sockets that a service manager has passed, and SIGHUP.
// Its last lines may still wait in the Log, which the caller closes.
func Run(ctx context.Context, o Options) error {
	sockets, err := inheritSockets()
	if err == nil {
		err = sockets.used(o.Config)
	}
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	s := newService(o.File, o.Version, level, o.Log.logger(level))
	s.live.log = o.Log
	s.sockets, s.notify = sockets, newNotifier(s.log)
	s.locks = newLocks(o.File, o.Config, s.notify, s.log)
	return s.serve(ctx, o.Config)
}

// service is the program while it serves. Owned by the goroutine of serve, but for live.
type service struct {
	file  string         // of the config, for reloads
	level *slog.LevelVar // of log
	log   *slog.Logger

	// Of the service manager; nil without one.
	sockets *inherited
	notify  *notifier

	locks     *locks       // of the accounts
	ledgers   *ledgers     // of the accounts; nil: none are kept
	trids     *identity    // of the muxTRIDs of accounts that are this host's alone; nil: there was none yet
	cluster   *clusterPart // nil: the config has none
	openStore openStore    // of the cluster; a test's own

	gateway     *gatewayPart                             // nil: the config has none
	leftGateway *gatewayPart                             // that was retired last; nil: none was
	newGateway  func(gateway.Config) (httpServer, error) // a test's own
	stateFolder string                                   // that lasts; empty: there is none

	cfg     *config.Config // in use: the file as applied last, with the old values of what needs a restart
	record  *recorder
	members []*member
	retired []*retirement
	drained []string        // registries that an operator has taken out since the last reload
	live    *live           // members, for scrapes
	recent  *status.Recent  // of log
	monitor *status.Monitor // nil before start
	admin   *adminServer
	control *control
	watch   *expiryWatch

	tasks  chan func(context.Context) // run by serve, see do; never closed
	ending chan struct{}              // closed when serve takes no more tasks
}

func newService(file, version string, level *slog.LevelVar, log *slog.Logger) *service {
	recent := status.NewRecent()
	log = slog.New(recent.Handler(log.Handler()))
	return &service{file: file, level: level, log: log, recent: recent, live: newLive(version), openStore: openEngine,
		newGateway: newHTTPServer,
		tasks:      make(chan func(context.Context)), ending: make(chan struct{})}
}

// serve builds the parts and runs them until ctx ends. Then it stops them, the last one first.
func (s *service) serve(ctx context.Context, cfg *config.Config) (err error) {
	collectAt(gcPercent)
	signal.Ignore(syscall.SIGPIPE) // the reader of the log may go away
	// From here to the end, a SIGHUP never ends the process. Room for one is enough: the file is
	// read after the signal is taken. Never closed.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Ignore(syscall.SIGHUP)
	defer s.notify.close()
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.start(ctx, cfg); err != nil {
		if errors.Is(err, context.Canceled) {
			return nil // a signal has ended it while it waited for another process
		}
		return err
	}
	s.log.Info("eppmux serves", "version", s.live.version)
	s.notify.ready(s.status())
	ended := make(chan struct{}) // closed at the end
	var watch sync.WaitGroup
	watch.Go(func() { s.notify.watch(s.live.answers, ended) })
	defer watch.Wait()
	defer close(ended)
	daily := time.NewTicker(watchEvery)
	defer daily.Stop()
	for {
		select {
		case <-hangup:
			_, _ = s.reload(ctx) // it has logged all
		case task := <-s.tasks:
			task(ctx)
		case now := <-daily.C:
			s.watch.look(s.certificates(), now)
			s.locks.mend()
		case <-ctx.Done():
			s.log.Info("draining", "within", s.cfg.DrainTimeout)
			close(s.ending)
			s.notify.stopping(s.cfg.DrainTimeout)
			s.live.draining.Store(true)
			return s.drain()
		}
	}
}

// start starts all that the file asks for: first what is local, then what uses an account. A start
// that fails for a reason of this host leaves no trace at a registry. close must be called, after
// an error too. The error is that of ctx if ctx has ended while it waited for another process.
func (s *service) start(ctx context.Context, file *config.Config) error {
	s.level.Set(file.Log.Level)
	s.warn(file)
	s.cfg = fitDescriptors(file, s.log)
	if err := s.open(s.cfg); err != nil {
		return err
	}
	for _, m := range s.members {
		if err := m.claim(ctx); err != nil {
			return err
		}
	}
	// The process that had the accounts before had the gateway's key file, too, and has ended by now.
	if s.cfg.Gateway != nil {
		var err error
		if s.gateway, err = s.openGateway(s.cfg); err != nil {
			return err
		}
	}
	for _, m := range s.members {
		m.begin()
	}
	s.cluster.begin()
	if s.gateway != nil {
		s.gateway.server.Serve()
	}
	if s.record.log != nil {
		s.live.left.Store(watchUnresolved(s.cfg.Audit.File, s.log))
	}
	s.publish()
	s.monitor = s.live.monitor(s.recent)
	s.watch = newExpiryWatch(s.certificates(), s.log, time.Now())
	if s.admin != nil {
		s.admin.serve()
	}
	if s.control != nil {
		s.control.serve()
	}
	return nil
}

// open makes the parts and opens all their listeners. Whoever connects waits.
func (s *service) open(cfg *config.Config) (err error) {
	if s.record, err = startRecorder(cfg.Audit, s.log); err != nil {
		return err
	}
	s.live.audit = s.record.log
	s.ledgers, s.stateFolder = newLedgers(cfg, s.log), ledgerFolder(cfg)
	if s.cluster, err = s.openCluster(cfg); err != nil {
		return err
	}
	if s.cluster != nil {
		s.live.cluster = s.cluster
	}
	for i := range cfg.Registries {
		m, err := s.openMember(cfg, &cfg.Registries[i])
		if err != nil {
			return err
		}
		s.members = append(s.members, m)
	}
	if cfg.Admin.Listen != "" {
		if s.admin, err = s.openAdmin(cfg.Admin.Listen); err != nil {
			return err
		}
	}
	if path := cfg.Control.Socket; path != "" {
		s.control, err = openControl(path, s)
	}
	return err
}

// status is the line that "systemctl status" shows.
func (s *service) status() string {
	var names []string
	for _, m := range s.members {
		names = append(names, m.cfg.Name)
	}
	return "serving " + strings.Join(names, ", ")
}

// warn logs the warnings of a config.
func (s *service) warn(cfg *config.Config) {
	for _, w := range cfg.Warnings {
		s.log.Warn("config", "err", w)
	}
}

// publish makes scrapes and the status page see the members of now.
func (s *service) publish() {
	s.live.gateway.Store(s.gateway.served(s.keyFile()))
	s.live.set(s.members, slices.Clone(s.drained), append(s.cfg.Cluster.Certificates(), s.gateway.certificates()...)...)
}

// certificates returns our own certificates, of all members, of the cluster and of the gateway.
func (s *service) certificates() []config.OwnCertificate {
	own := append(s.cfg.Cluster.Certificates(), s.gateway.certificates()...)
	for _, m := range s.members {
		own = append(own, m.cfg.Certificates()...)
	}
	return own
}

// drain ends the work of all members at the same time, within drain_timeout. Where another host of the
// cluster can own an account it gets it first: what waits here goes there. Requests of the gateway that are
// under way may need several commands, so sessions stay for half of the time, if need be, until they have ended.
func (s *service) drain() error {
	begun := time.Now()
	for _, m := range s.members {
		m.refuse(s.cfg.DrainTimeout)
	}
	var requests sync.WaitGroup
	var late error
	requests.Go(func() { late = s.gateway.drain(s.cfg.DrainTimeout / 2) })
	s.cluster.leave(s.cfg.DrainTimeout / 2)
	requests.Wait()
	within := max(0, s.cfg.DrainTimeout-time.Since(begun))
	errs := make([]error, len(s.members))
	var wg sync.WaitGroup
	for i, m := range s.members {
		wg.Go(func() { errs[i] = m.drain(within) })
	}
	wg.Wait()
	if late != nil { // their commands have ended with the accounts, and now they are answered
		if err := s.gateway.drain(lastAnswers); err != nil {
			s.log.Warn("requests of the gateway have not ended in time", "err", err.Error())
		}
	}
	return errors.Join(errs...)
}

// close ends everything at once, the last started first. It waits for members that were retired
// before.
func (s *service) close() error {
	var errs []error
	if s.control != nil {
		errs = append(errs, s.control.stop())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.stop())
	}
	if s.monitor != nil {
		s.monitor.Stop()
	}
	s.live.left.Load().stop()
	s.cluster.resign()
	for i := len(s.members) - 1; i >= 0; i-- {
		errs = append(errs, s.members[i].close())
	}
	for _, r := range s.retired {
		<-r.gone
	}
	// Behind the accounts: what became of the last commands is written down under their keys.
	errs = append(errs, s.gateway.close())
	if s.leftGateway != nil {
		<-s.leftGateway.gone
	}
	s.cluster.close()
	if s.record != nil {
		errs = append(errs, s.record.close())
	}
	return errors.Join(append(errs, s.trids.close())...)
}
