package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"eppmux/audit"
	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
)

// lookUp asks registries for objects, with info and nothing else, one at a time. Owned by one
// goroutine.
type lookUp struct {
	cmd    *cobra.Command
	config string // file
	direct bool
	open   map[string]*looking // by registry
}

// looking is a connection to one registry, or why there is none.
type looking struct {
	caller
	talk *talk.Conversation
	end  func() // logs out, where that is due, and closes; nil: nothing is open
	err  error
}

// lookWithin bounds connecting, the greeting and an answer through a running eppmux, each by itself.
const lookWithin = 75 * time.Second

// of says what the registry has of the objects of s, a line for each.
func (k *lookUp) of(ctx context.Context, s *audit.Story) (lines []string, err error) {
	if _, known := objects[s.Object]; !known || len(s.Names) == 0 {
		return []string{"cannot be looked up: not a domain, host or contact"}, nil
	}
	l := k.open[s.Registry]
	if l == nil {
		l = k.connect(ctx, s.Registry)
		k.open[s.Registry] = l
	}
	if l.err != nil {
		return []string{"cannot be looked up: " + l.err.Error()}, l.err
	}
	for _, name := range s.Names {
		said, err := l.info(ctx, s.Object+":"+name)
		if err != nil {
			l.err = err
			return append(lines, audit.Visible(name)+": cannot be looked up: "+err.Error()), err
		}
		lines = append(lines, audit.Visible(name+": "+said))
	}
	return lines, nil
}

// connect opens a connection through a listener of the running eppmux or, if direct, to the registry.
func (k *lookUp) connect(ctx context.Context, registry string) *looking {
	l := new(looking)
	r := reach{direct: k.direct, config: k.config, registry: registry, timeout: lookWithin}
	if !k.direct {
		if r.to, l.err = plainListener(k.config, registry); l.err != nil {
			return l
		}
	}
	var t target
	if t, l.err = r.target(k.cmd); l.err != nil {
		return l
	}
	l.caller = newCaller(k.cmd, t, "audit")
	l.name = "" // what goes wrong stands beside the command that it is about
	l.talk, l.end, l.err = l.call(ctx, asUser)
	return l
}

// plainListener is the address of a listener of the registry that asks for no TLS.
func plainListener(file, registry string) (string, error) {
	cfg, err := config.LoadValues(file)
	if err != nil {
		return "", err
	}
	for i := range cfg.Registries {
		if cfg.Registries[i].Name != registry {
			continue
		}
		for _, l := range cfg.Registries[i].Listen {
			if to := l.String(); !strings.HasPrefix(to, "tls://") {
				return to, nil
			}
		}
		return "", fmt.Errorf("%s has no listener without TLS; try --direct", registry)
	}
	return "", fmt.Errorf("%s has no registry %s", file, cli.Quote(registry))
}

// close logs out and closes all.
func (k *lookUp) close() {
	for _, l := range k.open {
		if l.end != nil {
			l.end()
		}
	}
}

// info asks for one object, as buildPayload takes its name, and says in words what the answer has.
func (l *looking) info(ctx context.Context, name string) (string, error) {
	payload, err := buildPayload([]string{"info", name}, nil)
	if err != nil {
		return "", err
	}
	a, err := l.talk.Exchange(ctx, talk.NewMessage(payload).In(l.talk.Root()).Named(l.talk.NewClTRID()), l.within)
	if err != nil {
		return "", err
	}
	switch {
	case a.Code == 2303:
		return "does not exist", nil
	case a.Code >= 2000:
		return "", fmt.Errorf("the registry answers %d", a.Code)
	}
	if a.Odd != frame.ReasonNone {
		return fmt.Sprintf("%s (read in part: the answer is no good XML: %v)", objectWords(a.Payload), a.Odd), nil
	}
	return objectWords(a.Payload), nil
}

// shownOfInfo are the elements of an info that are shown, with their words. An info may hold
// authInfo and people's data as well, which never are.
var shownOfInfo = []struct{ element, word string }{
	{"crDate", "created"}, {"exDate", "expires"}, {"upDate", "updated"}, {"trDate", "transferred"}, {"clID", "sponsor"},
	{"status", "status"},
}

// objectWords says what an answer to an info has, without secrets.
func objectWords(payload []byte) string {
	found := map[string][]string{}
	d := frame.NewDecoder(payload)
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		name := e.Name.Local
		if !slices.ContainsFunc(shownOfInfo, func(s struct{ element, word string }) bool { return s.element == name }) {
			continue
		}
		for _, at := range e.Attr {
			if name == "status" && at.Name.Local == "s" {
				found[name] = append(found[name], at.Value)
			}
		}
		if name != "status" {
			var text string
			if d.DecodeElement(&text, &e) == nil && text != "" {
				found[name] = append(found[name], text)
			}
		}
	}
	words := []string{"exists"}
	for _, s := range shownOfInfo {
		if all := found[s.element]; len(all) > 0 {
			words = append(words, s.word+" "+strings.Join(all, " "))
		}
	}
	return strings.Join(words, ", ")
}

var errNotLookedUp = errors.New("not all could be looked up")
