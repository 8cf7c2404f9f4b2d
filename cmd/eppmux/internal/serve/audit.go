package serve

import (
	"log/slog"
	"time"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/upstream"
	"eppmux/upstream/pool"
)

// recorder is the audit log as it is in use. Immutable: another policy is another recorder around
// the same log.
type recorder struct {
	cfg config.Audit
	log *audit.Log // nil: none is kept
}

// startRecorder opens the audit log that cfg wants.
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

// apply has commands recorded.
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

// reload is the recorder of a reload, and whether it is another: where the file is, what it holds
// and when it is rotated stays until a restart, which is logged.
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

// reopen is for a file that another program has renamed.
func (r *recorder) reopen() {
	if r.log != nil {
		r.log.Reopen()
	}
}

// state is how the log is, and whether transforms wait for it to work.
func (r *recorder) state() (audit.State, bool) {
	return r.log.State(), r.cfg.OnError == config.AuditBlock
}

// auditShutdown is how long the last lines may take.
const auditShutdown = 2 * time.Second

func (r *recorder) close() error {
	if r.log == nil {
		return nil
	}
	return r.log.Close(auditShutdown)
}
