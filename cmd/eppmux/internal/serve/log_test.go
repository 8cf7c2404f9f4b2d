package serve

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"eppmux/cmd/eppmux/internal/config"
)

func TestServeLogsWarnings(t *testing.T) {
	st := startReloadStand(t, "a")
	st.write("", st.registry("a", "profile: ee", "sessions: {max: 5}"))
	st.want(st.reload(), "level=WARN msg=config err=", "registries[0].sessions.max: warning: 5, but ee allows 4 (https://inforuum.internet.ee/")
}

func TestNewLogger(t *testing.T) {
	for format, want := range map[config.LogFormat]string{config.LogText: "msg=seen registry=a\n", config.LogJSON: `"msg":"seen","registry":"a"}`} {
		var b bytes.Buffer
		level := new(slog.LevelVar)
		log := newLogger(format, level, &b)
		log.Debug("hidden")
		level.Set(slog.LevelDebug)
		log.Debug("seen", "registry", "a")
		if got := b.String(); !strings.Contains(got, want) || strings.Contains(got, "hidden") {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}
