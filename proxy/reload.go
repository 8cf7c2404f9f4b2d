package proxy

import "slices"

// Reload changes what the server is made of while it runs: limits, numbers of sessions, timeouts, credentials, TLS,
// listeners. No client is dropped and no command lost; clients of a listener that is closed stay. The name stays as it is.
// After an error nothing has changed. It must not be called together with another Reload, Drain or Close.
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
		cfg.Name, cfg.Logger = s.cfg.Name, s.cfg.Logger
		s.cfg = cfg
		s.account.Reload(cfg.Upstream)
	})
	<-done
	return nil
}

// openNew sorts listeners into those that are open already, which get their new options, and those that it opens.
func (s *Server) openNew(want []Listener) (keep, opened []*listener, err error) {
	options := make(map[*listener]*Listener)
	for _, l := range want {
		i := slices.IndexFunc(s.listeners, func(ln *listener) bool { return options[ln] == nil && ln.serves(l) })
		if i >= 0 {
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
		opened = append(opened, ln)
	}
	for ln, l := range options {
		ln.options.Store(l)
	}
	return keep, opened, nil
}

// serves says whether ln can become l without being opened anew.
func (ln *listener) serves(l Listener) bool {
	now := ln.options.Load()
	return now.Address == l.Address && now.Mode == l.Mode && now.Group == l.Group && (now.TLS == nil) == (l.TLS == nil)
}
