package proxy

import (
	"slices"
	"strings"
)

// Reload changes how clients are served: listeners and their TLS, limits, timeouts, who may log in.
// No client is disconnected and no command lost; clients of a listener that is closed stay. A unix
// socket that is not Intact is made anew. The Logger stays as it is. After an error nothing has
// changed.
func (s *Server) Reload(cfg Config) error {
	setDefaults(&cfg)
	keep, opened, err := s.openNew(cfg.Listeners)
	if err != nil {
		return err
	}
	for _, ln := range s.listeners {
		if !slices.Contains(keep, ln) {
			s.log.Info("listener closed", "listener", ln.String())
			ln.close()
		}
	}
	s.listeners = append(keep, opened...)
	for _, ln := range opened {
		s.serve(ln)
	}
	s.maxClients.Store(int64(cfg.MaxClients))
	s.maxAhead.Store(int64(cfg.MaxAhead))
	done := make(chan struct{})
	s.loop.Post(func() {
		defer close(done)
		cfg.Logger = s.cfg.Logger
		s.cfg = cfg
		s.setBounds()
		s.setUsers(cfg.Users)
		s.polls.reload()
		s.setEncodings()
	})
	<-done
	return nil
}

// Intact reports whether the files of all unix sockets are still in their places. A cleaner of /tmp
// may have removed one, and then nobody can connect there any more.
func (s *Server) Intact() bool {
	return !slices.ContainsFunc(s.listeners, func(ln *listener) bool { return !ln.intact() })
}

// openNew opens the listeners that are wanted and not open. It returns the open listeners that are
// still wanted, with their new options, and those that it opened.
func (s *Server) openNew(want []Listener) (keep, opened []*listener, err error) {
	options := make(map[*listener]*Listener)
	for _, l := range want {
		i := slices.IndexFunc(s.listeners, func(ln *listener) bool {
			return options[ln] == nil && ln.serves(l)
		})
		gone := i >= 0 && !s.listeners[i].intact()
		if i >= 0 && !gone {
			options[s.listeners[i]] = &l
			keep = append(keep, s.listeners[i])
			continue
		}
		ln, err := listen(l)
		if err != nil {
			for _, ln := range opened {
				ln.close()
			}
			return nil, nil, err
		}
		if gone {
			s.log.Warn("the file of a unix socket was gone; it is made anew", "listener", ln.String())
		}
		opened = append(opened, ln)
	}
	for ln, l := range options {
		if err := ln.become(l); err != nil {
			s.log.Error("listener keeps its old mode and group", "listener", ln.String(), "err", err.Error())
		}
	}
	return keep, opened, nil
}

// serves reports whether ln is open where l wants to be. Then it can become l without being opened
// again.
func (ln *listener) serves(l Listener) bool {
	return place(ln.options.Load().Address) == place(l.Address)
}

// place is an address as the kernel knows it: the same with TLS and without.
func place(address string) string {
	if rest, ok := strings.CutPrefix(address, "tls://"); ok {
		return "tcp://" + rest
	}
	return address
}

// become gives ln the options of l. After an error a unix socket keeps its old mode and group.
func (ln *listener) become(l *Listener) error {
	now := ln.options.Swap(l)
	if !ln.file.known() || now.Mode == l.Mode && now.Group == l.Group {
		return nil
	}
	return permit(*l, ln.path)
}
