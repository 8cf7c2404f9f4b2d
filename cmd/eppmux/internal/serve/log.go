package serve

import (
	"io"
	"log/slog"

	"eppmux/cmd/eppmux/internal/config"
)

// newLogger makes a logger that writes to w what is at least as grave as level, which may change
// while the logger is in use.
func newLogger(format config.LogFormat, level *slog.LevelVar, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
