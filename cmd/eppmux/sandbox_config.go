package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/sandbox"
)

// sandboxConfig has the flags for the behaviour of the registry.
type sandboxConfig struct {
	sandboxLimits
	profile, quirks, faults string
	seed                    uint64
	record                  bool
	journal                 string
	accounts                []string
}

// sandboxLimits has the flags that override the numbers of a profile.
type sandboxLimits struct {
	sessions, maxCommands, maxFrame     int
	checkMax                            int
	idle, maxAge, loginTimeout, latency time.Duration
	rate, objectRate                    string
}

func (s *sandboxConfig) configFlags(cmd *cobra.Command) {
	f, l := cmd.Flags(), &s.sandboxLimits
	f.IntVar(&l.sessions, "sessions", 3, "sessions that an account may have at once")
	f.DurationVar(&l.idle, "idle", 0, "close a connection after so long without a message (0: never)")
	f.DurationVar(&l.maxAge, "max-age", 0, "close a connection so long after it was opened (0: never)")
	f.IntVar(&l.maxCommands, "max-commands", 0, "commands in one session (0: no limit)")
	f.IntVar(&l.maxFrame, "max-frame", 262144, "octets of the longest message, its header included")
	f.DurationVar(&l.loginTimeout, "login-timeout", 0,
		"close a connection that has not logged in after so long (0: never)")
	f.StringVar(&l.rate, "rate", "",
		"commands that an account may send, as `N/DURATION`, such as 10/1s (default no limit)")
	f.StringVar(&l.objectRate, "object-rate", "",
		"objects that an account may send commands for, a check counting each, as `N/DURATION` (default no limit)")
	f.IntVar(&l.checkMax, "check-max", 50, "objects in one check")
	f.DurationVar(&l.latency, "latency", 0, "how long every command takes")
	f.StringVar(&s.profile, "profile", "", "play the kind of registry that is called `NAME`")
	completeFlag(cmd, "profile", described(profileLines()))
	f.StringVar(&s.quirks, "quirks", "", "oddities, as `NAME,NAME`")
	completeFlag(cmd, "quirks", sandbox.QuirkNames())
	f.StringVar(&s.faults, "faults", "", "what goes wrong, and when, as `FAULT;FAULT`")
	f.Uint64Var(&s.seed, "seed", 0,
		"makes the chances of --faults the same as in the run that printed it (0: others each time)")
	f.BoolVar(&s.record, "record", false, "count commands by object, for /executed; takes memory for each object")
	f.StringVar(&s.journal, "journal", "",
		"write a line of JSON to `FILE`, which is made new, for each connection and each message")
	f.StringArrayVar(&s.accounts, "account", nil,
		"an account as `ID=PASSWORD`, in place of the default ones; may be repeated")
}

// config turns the flags into the config of the registry. changed reports whether a flag was given.
func (s *sandboxConfig) config(changed func(flag string) bool) (c sandbox.Config, err error) {
	given := changed
	if s.profile == "" {
		given = func(string) bool { return true } // the defaults of the flags count as well
	} else if c, err = sandbox.Profile(s.profile); err != nil {
		return c, cli.Usagef("--profile: %v", err)
	}
	if err := s.limits(&c, given); err != nil {
		return c, err
	}
	if s.quirks != "" {
		if err := c.Quirks.Add(s.quirks); err != nil {
			return c, cli.Usagef("--quirks: %v", err)
		}
	}
	if changed("faults") {
		if c.Faults, err = sandbox.ParseFaults(s.faults); err != nil {
			return c, cli.Usagef("--faults: %v", err)
		}
	}
	c.Record = s.record
	for c.Seed = s.seed; c.Seed == 0; {
		c.Seed = uint64(rand.Uint32())
	}
	for _, a := range s.accounts {
		id, password, _ := strings.Cut(a, "=")
		if id == "" || password == "" {
			// without the value: it may be all password
			return c, cli.Usagef("--account: must be ID=PASSWORD")
		}
		if c.Accounts == nil {
			c.Accounts = map[string]string{}
		}
		c.Accounts[id] = password
	}
	return c, nil
}

// limits puts the flags that were given into c.
func (l *sandboxLimits) limits(c *sandbox.Config, given func(flag string) bool) error {
	for _, n := range []struct {
		flag         string
		value, least int
		to           *int
	}{
		{"sessions", l.sessions, 1, &c.MaxSessions},
		{"max-commands", l.maxCommands, 0, &c.MaxCommands},
		{"max-frame", l.maxFrame, 5, &c.MaxFrame},
		{"check-max", l.checkMax, 1, &c.CheckMax},
	} {
		if !given(n.flag) {
			continue
		}
		if n.value < n.least {
			return cli.Usagef("--%s: must be at least %d, got %d", n.flag, n.least, n.value)
		}
		*n.to = n.value
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		to    *time.Duration
	}{
		{"idle", l.idle, &c.IdleTimeout},
		{"max-age", l.maxAge, &c.MaxAge},
		{"login-timeout", l.loginTimeout, &c.LoginTimeout},
		{"latency", l.latency, &c.Latency},
	} {
		if !given(d.flag) {
			continue
		}
		if d.value < 0 {
			return cli.Usagef("--%s: must not be below 0, got %v", d.flag, d.value)
		}
		*d.to = d.value
	}
	return l.rates(c, given)
}

// rates puts the flags of rates that were given into c. An empty one takes away a profile's.
func (l *sandboxLimits) rates(c *sandbox.Config, given func(flag string) bool) error {
	for _, r := range []struct {
		flag, value string
		limit       *int
		per         *time.Duration
	}{
		{"rate", l.rate, &c.RateLimit, &c.RatePer},
		{"object-rate", l.objectRate, &c.ObjectLimit, &c.ObjectPer},
	} {
		switch {
		case !given(r.flag):
		case r.value == "":
			*r.limit = 0
		default:
			var err error
			if *r.limit, *r.per, err = parseRate(r.flag, r.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseRate reads N/DURATION, the value of a flag. A unit without a number stands for one of it: 10/s.
func parseRate(flag, text string) (n int, per time.Duration, err error) {
	before, after, _ := strings.Cut(text, "/")
	n, err = strconv.Atoi(before)
	if err != nil || n < 1 {
		return 0, 0, cli.Usagef("--%s: must be as 10/1s, got %q", flag, text)
	}
	if per, err = time.ParseDuration(after); err != nil {
		per, err = time.ParseDuration("1" + after)
	}
	if err != nil || per <= 0 {
		return 0, 0, cli.Usagef("--%s: must be as 10/1s, got %q", flag, text)
	}
	return n, per, nil
}

// profileLines are the profiles with their descriptions.
func profileLines() []sandbox.About {
	var out []sandbox.About
	for _, p := range sandbox.Profiles() {
		out = append(out, p.About)
	}
	return out
}

// listed makes a line of each, with the names in a column of their own.
func listed(all []sandbox.About) string {
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, "  %-18s %s\n", a.Name, a.About)
	}
	return b.String()
}

// wrapped puts words into lines of at most 90 characters.
func wrapped(words []string) string {
	var b strings.Builder
	line := " "
	for _, w := range words {
		if len(line)+1+len(w) > 90 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + w
	}
	return b.String() + line + "\n"
}
