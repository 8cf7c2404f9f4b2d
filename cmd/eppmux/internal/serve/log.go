package serve

import (
	"io"
	"log/slog"

	"eppmux/cmd/eppmux/internal/config"
)

// newLogger writes to w from level on, which may change while it is in use.
func newLogger(format config.LogFormat, level *slog.LevelVar, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
