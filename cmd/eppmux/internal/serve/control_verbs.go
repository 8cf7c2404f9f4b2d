package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"eppmux/proxy"
	"eppmux/upstream"
)

// controlVerb does something to the running program. It runs on the goroutine of the request, so it
// may use live and s.level, and must reach the rest of the service through service.do.
type controlVerb func(s *service, ctx context.Context, req Request) (Answer, error)

var controlVerbs = map[string]controlVerb{
	"pause":     onAccounts((*upstream.Account).Pause, "paused: commands wait until their deadlines, sessions log out"),
	"resume":    onAccounts((*upstream.Account).Resume, "resumed"),
	"reconnect": onAccounts((*upstream.Account).Reconnect, "replacing its sessions, one at a time"),
	"drain":     drainVerb,
	"reload":    reloadVerb,
	"sessions":  sessionsVerb,
	"clients":   clientsVerb,
	"kick":      kickVerb,
	"log-level": logLevelVerb,
	"cluster":   clusterVerb,
	"handover":  handoverVerb,
}

// servers returns the servers that a request means: one by its name, all, or the only one.
func (s *service) servers(req Request) ([]*proxy.Server, error) {
	all := s.live.now.Load().servers
	if req.All || len(all) == 1 && req.Registry == "" {
		return all, nil
	}
	var names []string
	for _, server := range all {
		if server.Name() == req.Registry {
			return []*proxy.Server{server}, nil
		}
		names = append(names, server.Name())
	}
	if req.Registry != "" {
		return nil, fmt.Errorf("no registry %q is served; there are %s", req.Registry, strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("which registry? there are %s", strings.Join(names, ", "))
}

// onAccounts makes a verb that calls f for the account of each server that the request means. It
// goes on after an error.
func onAccounts(f func(*upstream.Account) error, done string) controlVerb {
	return func(s *service, _ context.Context, req Request) (a Answer, err error) {
		servers, err := s.servers(req)
		for _, server := range servers {
			if e := f(server.Account()); e != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", server.Name(), e))
				continue
			}
			a.Done = append(a.Done, server.Name()+": "+done)
		}
		return a, err
	}
}

// drainVerb takes registries out until the next reload, as if the config file had lost them. It
// waits for their end.
func drainVerb(s *service, ctx context.Context, req Request) (a Answer, err error) {
	servers, err := s.servers(req)
	if err != nil {
		return a, err
	}
	var ending []*retirement
	err = s.do(ctx, func(context.Context) {
		for _, server := range servers {
			for _, m := range s.members {
				if m.server == server {
					ending = append(ending, s.retire(m, s.cfg.DrainTimeout))
					s.drained = append(s.drained, m.cfg.Name)
					break
				}
			}
		}
		s.publish()
		s.gateway.follow(s)
	})
	if err != nil {
		return a, err
	}
	for _, r := range ending {
		select {
		case <-r.gone:
			a.Done = append(a.Done, r.cfg.Name+": drained; a reload or a restart serves it again")
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
	return a, nil
}

func reloadVerb(s *service, ctx context.Context, _ Request) (Answer, error) {
	var did []string
	var failed error
	if err := s.do(ctx, func(serving context.Context) { did, failed = s.reload(serving) }); err != nil {
		return Answer{}, err
	}
	return Answer{Done: did}, failed
}

func logLevelVerb(s *service, ctx context.Context, req Request) (a Answer, err error) {
	if req.Level != "" {
		var level slog.Level
		if err := level.UnmarshalText([]byte(req.Level)); err != nil || strings.ContainsAny(req.Level, "+-") {
			return a, fmt.Errorf("log level %q: must be debug, info, warn or error", req.Level)
		}
		s.level.Set(level)
	}
	a.Done = []string{"log level is " + strings.ToLower(s.level.Level().String()) +
		", until a reload that changes log.level"}
	return a, nil
}

// Session is a session with a registry, as an answer shows it. Times are in seconds.
type Session struct {
	Registry string  `json:"registry"`
	ID       uint64  `json:"id"`
	State    string  `json:"state"`
	For      float64 `json:"for"` // in that state
	Age      float64 `json:"age"`
	Commands int     `json:"commands"`
	Doing    string  `json:"doing,omitempty"`
	Own      bool    `json:"own,omitempty"` // it is a command of eppmux itself
	Listener string  `json:"listener,omitempty"`
	Client   string  `json:"client,omitempty"`
}

func sessionsVerb(s *service, _ context.Context, req Request) (a Answer, err error) {
	req.All = req.Registry == ""
	servers, err := s.servers(req)
	for _, server := range servers {
		list, e := server.Account().Sessions()
		err = errors.Join(err, e)
		for _, i := range list {
			a.Sessions = append(a.Sessions, Session{server.Name(), i.ID, i.State.String(),
				seconds(i.For), seconds(i.Age), i.Commands, i.Doing, i.Own, i.Listener, i.Client})
		}
	}
	return a, err
}

// Client is a client, as an answer shows it.
type Client struct {
	Registry string `json:"registry"`
	ID       uint64 `json:"id"`
	Listener string `json:"listener"`
	Client   string `json:"client"`
	Identity string `json:"identity"` // the client id of its login, and its user or network
	Doing    string `json:"doing,omitempty"`
	// Recording is set while the audit log records the command, before it is sent. The key in JSON
	// is older than the word: programs read it, so it stays.
	Recording bool    `json:"announcing,omitempty"`
	Sent      bool    `json:"sent,omitempty"`
	For       float64 `json:"for"`  // seconds
	Held      int     `json:"held"` // octets of memory
	// Ends and HeldBack are as in proxy.ClientInfo.
	Ends     int  `json:"ends,omitempty"`
	HeldBack bool `json:"held_back,omitempty"`
	// Polls is set where the client has the registry's message queue.
	Polls bool `json:"polls,omitempty"`
}

func clientsVerb(s *service, _ context.Context, req Request) (a Answer, err error) {
	req.All = req.Registry == ""
	servers, err := s.servers(req)
	for _, server := range servers {
		list, total, e := server.Clients(req.Limit)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		for _, i := range list {
			a.Clients = append(a.Clients, Client{server.Name(), i.ID, i.Listener, i.Client, i.Identity,
				i.Doing, i.Recording, i.Sent, seconds(i.For), i.Memory, i.Ends, i.HeldBack, i.Polls})
		}
		a.Done = append(a.Done, fmt.Sprintf("%s: %d of %d clients", server.Name(), len(list), total))
	}
	return a, err
}

func kickVerb(s *service, _ context.Context, req Request) (a Answer, err error) {
	if req.All {
		return a, errors.New("kick is about one client")
	}
	servers, err := s.servers(req)
	if err != nil {
		return a, err
	}
	found, err := servers[0].Kick(req.Client)
	if err == nil && !found {
		err = fmt.Errorf("%s has no client %d", servers[0].Name(), req.Client)
	}
	if err != nil {
		return a, err
	}
	a.Done = []string{fmt.Sprintf("%s: client %d is disconnected", servers[0].Name(), req.Client)}
	return a, nil
}

// seconds is d in seconds, to the millisecond.
func seconds(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
