package status_test

import (
	"fmt"
	"os"
	"time"

	"eppmux/admin/status"
	"eppmux/upstream/pool"
)

// account is a registry that refuses our login.
type account struct{}

func (*account) Look() *status.Snapshot {
	s := &status.Snapshot{At: time.Now()}
	s.Account.Trouble, s.Account.Cause = "login: result code 2200", pool.CauseLoginRefused
	return s
}

// A Monitor looks at its subjects every five seconds, and says what is wrong, whose fault it is and
// what to do.
func ExampleMonitor() {
	subjects := []status.Subject{{Name: "test", Looker: new(account), MaxSessions: 3}}
	m := status.NewMonitor(status.MonitorConfig{Subjects: func() []status.Subject { return subjects }})
	defer m.Stop()
	for _, r := range m.Status().Registries {
		for _, f := range r.Findings {
			fmt.Printf("%s: %s: %s\n%s: %s\n", r.Name, f.Gravity, f.Text, f.Whose, f.Do)
		}
	}
	for _, r := range m.Ready() {
		fmt.Println(r.Registry, r.OK, r.Reason)
	}
	// Output:
	// test: broken: registry refuses our login: result code 2200
	// our config: correct login in the config, then reload
	// test false no session is logged in; last: login: result code 2200
}

// WriteTable writes what the status page shows as text.
func ExampleWriteTable() {
	at := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	s := &status.Status{Version: "v0.1.0", Host: "box", Started: at.Add(-time.Hour), Now: at}
	if err := status.WriteTable(os.Stdout, s); err != nil {
		fmt.Println(err)
	}
	// Output:
	// eppmux v0.1.0 on box, up 60 min, as of 2026-11-21 23:00:00 UTC
	// No registry is served
	//
	// STATE  REGISTRY  VERDICT
}
