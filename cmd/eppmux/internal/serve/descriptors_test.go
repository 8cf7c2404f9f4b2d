package serve

import (
	"log/slog"
	"testing"

	"eppmux/cmd/eppmux/internal/config"
)

// TestFitClients: whatever clients.max says, sessions and metrics keep their open files.
func TestFitClients(t *testing.T) {
	with := func(clients ...int) *config.Config {
		cfg := new(config.Config)
		for _, n := range clients {
			cfg.Registries = append(cfg.Registries, config.Registry{Clients: config.Clients{Max: n}, Sessions: config.Sessions{Max: 10}})
		}
		return cfg
	}
	tests := []struct {
		clients []int
		allowed uint64
		want    []int
	}{
		{[]int{100, 200}, 1000, []int{100, 200}},
		{[]int{100, 200}, 300 + descriptorsReserved + 40, []int{100, 200}},
		{[]int{1000, 3000}, 400 + descriptorsReserved + 40, []int{100, 300}},
		{[]int{1000}, 10, []int{1}},
	}
	for _, tt := range tests {
		cfg := with(tt.clients...)
		fitted := fitClients(cfg, tt.allowed, slog.New(slog.DiscardHandler))
		for i, want := range tt.want {
			if got := fitted.Registries[i].Clients.Max; got != want {
				t.Errorf("%v of %d: registry %d gets %d, want %d", tt.clients, tt.allowed, i, got, want)
			}
			if got := cfg.Registries[i].Clients.Max; got != tt.clients[i] {
				t.Errorf("%v of %d: the config itself was changed to %d", tt.clients, tt.allowed, got)
			}
		}
	}
}
