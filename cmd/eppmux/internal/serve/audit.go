package serve

import (
	"log/slog"
	"time"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// recorder is the audit log with the policy that is in use. Immutable: a reload that changes the
// policy makes another recorder around the same log.
type recorder struct {
	cfg config.Audit
	log *audit.Log // nil: none is kept
}

// startRecorder opens the audit log, if cfg names a file for it.
func startRecorder(cfg config.Audit, log *slog.Logger) (*recorder, error) {
	rec := &recorder{cfg: cfg}
	if cfg.File == "" {
		return rec, nil
	}
	var err error
	rec.log, err = audit.Open(audit.Config{
		File: cfg.File, Frames: cfg.Frames, MaxSize: int64(cfg.Rotate.MaxSize), Keep: cfg.Rotate.Keep, Logger: log,
	})
	return rec, err
}

// apply makes the account of uc record its commands. Without an audit log it does nothing.
func (r *recorder) apply(uc *upstream.Config) {
	if r.log == nil {
		return
	}
	uc.Audit, uc.AuditQueries = r.log, r.cfg.Commands == config.AuditAll
	uc.Pool.Record = pool.RecordIfCan
	if r.cfg.OnError == config.AuditBlock {
		uc.Pool.Record = pool.RecordAlways
	}
}

// reload returns the recorder for another config, and whether it is another one. The file, what it
// holds and when it is rotated stay until a restart; reload logs a warning if they should change.
func (r *recorder) reload(cfg config.Audit, log *slog.Logger) (*recorder, bool) {
	next := r.cfg
	next.Commands, next.OnError = cfg.Commands, cfg.OnError
	if next != cfg {
		log.Warn("audit.file, audit.frames and audit.rotate change at a restart only")
	}
	if next == r.cfg {
		return r, false
	}
	return &recorder{cfg: next, log: r.log}, true
}

// reopen opens the file anew: another program may have renamed it.
func (r *recorder) reopen() {
	if r.log != nil {
		r.log.Reopen()
	}
}

// state returns the state of the log, and whether transforms wait while it cannot be written. There
// must be a log.
func (r *recorder) state() (audit.State, bool) {
	return r.log.State(), r.cfg.OnError == config.AuditBlock
}

// auditShutdown bounds the writing of the last lines.
const auditShutdown = 2 * time.Second

func (r *recorder) close() error {
	if r.log == nil {
		return nil
	}
	return r.log.Close(auditShutdown)
}
