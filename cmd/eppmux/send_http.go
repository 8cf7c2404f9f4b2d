package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/talk"
	"eppmux/frame"
	"eppmux/loop"
)

// httpReach has the values of the flags for --http.
type httpReach struct {
	url                       string // empty: the message does not go over HTTP
	user                      string
	passwordFile, passwordEnv string
	tokenFile, tokenEnv       string
	key                       string
}

// flags defines the flags of h.
func (h *httpReach) flags(f *pflag.FlagSet) {
	f.StringVar(&h.url, "http", "",
		"send over a gateway instead: `URL` is http://host:port, https://host:port or unix:///path")
	f.StringVar(&h.user, "user", "", "`NAME` of the user of --http that has the password")
	f.StringVar(&h.passwordFile, "password-file", "", "`FILE` with the password for --http, readable by its owner only")
	f.StringVar(&h.passwordEnv, "password-env", "", "`NAME` of the environment variable with the password for --http")
	f.StringVar(&h.tokenFile, "token-file", "", "`FILE` with the token for --http, readable by its owner only")
	f.StringVar(&h.tokenEnv, "token-env", "", "`NAME` of the environment variable with the token for --http")
	f.StringVar(&h.key, "idempotency-key", "", "`KEY` by which --http may repeat a change safely")
}

// check checks the flags by themselves. changed reports whether a flag was given.
func (h *httpReach) check(changed func(flag string) bool) error {
	if h.url == "" {
		for _, name := range []string{"user", "password-file", "password-env", "token-file", "token-env",
			"idempotency-key"} {
			if changed(name) {
				return cli.Usagef("--%s: is for --http only", name)
			}
		}
		return nil
	}
	for _, name := range []string{"to", "direct", "config", "repeat", "interval"} {
		if changed(name) {
			return cli.Usagef("--%s: does not go with --http", name)
		}
	}
	var sources []string
	for _, name := range []string{"password-file", "password-env", "token-file", "token-env"} {
		if changed(name) {
			sources = append(sources, "--"+name)
		}
	}
	password := h.passwordFile != "" || h.passwordEnv != ""
	switch {
	case !changed("registry"):
		return cli.Usagef("--registry: is missing; --http needs to know for which one the message is")
	case len(sources) > 1:
		return cli.Usagef("%s do not go together", strings.Join(sources, " and "))
	case (h.user != "") != password:
		return cli.Usagef("--user goes with --password-file or --password-env")
	case strings.Contains(h.user, ":"):
		return cli.Usagef("--user: has no colon")
	case changed("idempotency-key") && !isKey(h.key):
		return cli.Usagef("--idempotency-key: must be 1 to 255 of the visible ASCII characters " +
			"but \" and \\, and blanks")
	}
	return nil
}

// isKey reports whether a key can be sent in quotes as it is.
func isKey(key string) bool {
	return key != "" && len(key) <= 255 && strings.TrimSpace(key) == key &&
		!strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// gateway makes the gateway of the flags.
func (h *httpReach) gateway(r *reach) (*talk.Gateway, error) {
	g := &talk.Gateway{URL: h.url, Registry: r.registry, Key: h.key, Purpose: "send"}
	if path, ok := strings.CutPrefix(h.url, "unix://"); ok {
		if path == "" {
			return nil, cli.Usagef("--http: unix:// needs a path")
		}
		g.URL, g.Socket = "http://localhost", path
	}
	u, err := url.Parse(g.URL)
	switch {
	case err != nil || u.User != nil: // what stands there may be a password
		return nil, cli.Usagef("--http: must be http://host:port, https://host:port or unix:///path, without a user")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, cli.Usagef("--http: must be http://host:port, https://host:port or unix:///path, got %s",
			cli.Quote(h.url))
	case u.Scheme == "http" && r.tlsFlag() != "":
		return nil, cli.Usagef("--%s: is for https:// only", r.tlsFlag())
	}
	if u.Scheme == "https" {
		if g.TLS, err = r.clientTLS(u.Hostname()); err != nil {
			return nil, err
		}
	}
	if g.Authorization, err = h.authorization(); err != nil {
		return nil, err
	}
	if g.Authorization != "" && u.Scheme == "http" && !loop.Loopback(u.Hostname()) {
		return nil, cli.Usagef("--http: %s is not this machine, and what goes there is plain text; use https://",
			cli.Quote(u.Host))
	}
	return g, nil
}

// authorization is the header with the credentials; empty: there are none.
func (h *httpReach) authorization() (string, error) {
	secret, err := h.secret()
	if err != nil || secret == "" {
		return "", err
	}
	if h.user != "" {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(h.user+":"+secret)), nil
	}
	// RFC 6750 section 2.1. What stands in the wrong file or variable must not be sent, or shown.
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("the token has characters that no token has")
	}
	return "Bearer " + secret, nil
}

// secret is the password or the token; empty: none is given.
func (h *httpReach) secret() (string, error) {
	file, env := h.passwordFile+h.tokenFile, h.passwordEnv+h.tokenEnv
	var text string
	switch {
	case file != "":
		data, info, err := cli.ReadFile(file, cli.MaxPasswordFile)
		if err != nil {
			return "", err
		}
		if err := cli.Private(info); err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		text = strings.TrimRight(string(data), "\r\n")
	case env != "":
		var ok bool
		if text, ok = os.LookupEnv(env); !ok {
			return "", fmt.Errorf("there is no environment variable %s", cli.Quote(env))
		}
	default:
		return "", nil
	}
	if text == "" {
		return "", errors.New("the password or token there is empty")
	}
	return text, nil
}

// overHTTP sends the message of j over a gateway, and prints the answer.
func (s *sender) overHTTP(cmd *cobra.Command, j *sending) error {
	g, err := s.http.gateway(&s.reach)
	var usage *cli.UsageError
	switch {
	case errors.As(err, &usage):
		return cli.Misused(cmd, "%w", err)
	case err != nil:
		return cli.Failed(cmd, err)
	case j.m.Kind == frame.KindHello:
		return cli.Misused(cmd, "--http: a gateway carries commands; hello is none")
	case j.m.Query && g.Key != "":
		return cli.Misused(cmd, "--idempotency-key: is for changes; a query may be sent again as it is")
	}
	return j.post(cmd.Context(), g)
}

// post sends the message to g once.
func (j *sending) post(ctx context.Context, g *talk.Gateway) error {
	m := j.m
	if j.built {
		m = m.Named(g.NewClTRID())
	}
	a, err := g.Exchange(ctx, m, j.within)
	if p := (*talk.Problem)(nil); errors.As(err, &p) {
		if p.Outcome == "unknown" && g.Key != "" {
			err = fmt.Errorf("%w; sent again with the same key, it is not carried out twice", err)
		}
		return cli.Exit(exitOfProblem(p), j.named(err))
	}
	if talk.WasSent(err) && !m.Query {
		err = fmt.Errorf("%w; the message was sent: whether it was carried out is not known", err)
		if g.Key != "" {
			err = fmt.Errorf("%w; send it again with the same key", err)
		}
	}
	return j.show(a, err)
}

// exitOfProblem returns the exit code for what a gateway answers in place of the registry: as a listener of eppmux
// would have answered, by a result code or, where it is not known what became of the message, not at all.
func exitOfProblem(p *talk.Problem) int {
	switch {
	case p.Outcome == "unknown":
		return cli.ExitFailed
	case p.Code != 0:
		return exitOf(p.Code)
	case p.Outcome == "not_sent":
		return exitOf(2400)
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitOf(2201)
	case http.StatusConflict: // the key belongs to another request
		return exitOf(2306)
	}
	if p.Status >= 500 {
		return exitOf(2400)
	}
	return exitOf(2005)
}
