package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/cmd/eppmux/internal/config"
	"eppmux/cmd/eppmux/internal/talk"
)

// passwdRun is one run of "eppmux passwd". The values of its flags come first.
type passwdRun struct {
	config   string
	registry string
	pid      int

	r    *config.Registry
	file *passwordFile
	// login logs in at the registry. newPassword is empty for a login without a change.
	login func(ctx context.Context, password, newPassword string) talk.LoginResult
	say   io.Writer // progress, for people
}

func newPasswdCommand() *cobra.Command {
	var p passwdRun
	cmd := &cobra.Command{
		Use:   "passwd",
		Short: "Change the password at a registry and in its password_file",
		Long: `Asks for a new password, changes it at the registry with a login of its own, and puts it
into the password_file of the config. It asks twice on a terminal, without echo;
otherwise it reads one line from standard input. A running eppmux learns of it by SIGHUP,
which --pid sends; sessions that are logged in already go on.

The login needs a free session: where eppmux holds all of them the registry answers 2502.
Lower sessions.max by one (and send SIGHUP), or stop eppmux.

The new password is written to FILE.new before anything is sent, and renamed to FILE when
the registry has taken it. If the registry refuses clearly, FILE.new is removed and nothing
has changed. If the answer to the login is lost, or is one of failure (2400, 2500, 2502),
eppmux asks which password is valid: a login with the likelier one, then, if need be, with
the other, and no more, since registries lock accounts. If that does not tell either,
FILE.new stays, and the next run of this command begins by asking so again.

Exit codes: 0 the new password is valid and in its file, 1 it is not, as the message says,
2 wrong usage or config.`,
		Example: `  eppmux passwd --config /etc/eppmux/config.yaml
  eppmux passwd --registry example --pid "$(pidof eppmux)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVarP(&p.config, "config", "c", defaultConfigFile, "config `FILE`")
	f.StringVar(&p.registry, "registry", "", "`NAME` of the registry, if there are several with a password_file")
	f.IntVar(&p.pid, "pid", 0, "send SIGHUP to process `PID` when the password is changed")
	return cmd
}

func (p *passwdRun) run(cmd *cobra.Command) error {
	if p.pid < 0 || p.pid == 0 && cmd.Flags().Changed("pid") {
		return cli.Misused(cmd, "--pid: must be above 0, got %d", p.pid)
	}
	cfg, err := config.Load(p.config)
	if err != nil {
		return cli.Exit(cli.ExitUsage, err)
	}
	if p.r, err = choosePasswdRegistry(cfg, p.registry); err != nil {
		return cli.Misused(cmd, "%w", err)
	}
	if err := p.open(cfg); err != nil {
		return cli.Failed(cmd, err)
	}
	defer p.file.close()
	p.login, p.say = (&loginClient{r: p.r}).login, cmd.ErrOrStderr()
	if err := p.work(cmd.Context(), cmd.InOrStdin()); err != nil {
		return cli.Failed(cmd, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the password of %s is changed, and in %s\n", p.r.Name, p.file.path)
	return p.notify(cmd)
}

// choosePasswdRegistry returns the registry of that name, or the only one with a password_file.
func choosePasswdRegistry(cfg *config.Config, name string) (*config.Registry, error) {
	var names []string
	var found *config.Registry
	for i := range cfg.Registries {
		r := &cfg.Registries[i]
		if name != "" && r.Name == name {
			return r, hasPasswordFile(r)
		}
		if r.Login.PasswordFile != "" {
			found = r
			names = append(names, r.Name)
		}
	}
	switch {
	case name != "":
		return nil, fmt.Errorf("--registry: no registry is named %s", cli.Quote(name))
	case len(names) > 1:
		return nil, fmt.Errorf("which one? --registry %s", cli.Either(names))
	case found == nil:
		return nil, hasPasswordFile(&cfg.Registries[0])
	}
	return found, hasPasswordFile(found)
}

// hasPasswordFile is an error if eppmux cannot put a new password of r into its place. It says what
// to do instead.
func hasPasswordFile(r *config.Registry) error {
	switch {
	case r.Sandbox():
		return fmt.Errorf("%s is the built-in registry: it has no password to change", r.Name)
	case r.Login.PasswordEnv != "":
		return fmt.Errorf("%s has its password in the environment variable %s: move it to a password_file, or "+
			"change it at the registry and there by hand",
			r.Name, r.Login.PasswordEnv)
	case r.Login.PasswordFile == "":
		return fmt.Errorf("%s has its password in the config file: move it to a password_file, or change it at the "+
			"registry and there by hand", r.Name)
	}
	return nil
}

// open takes the password file and reads the password again, unless the registry changes passwords in another way.
func (p *passwdRun) open(cfg *config.Config) error {
	if profile := config.ProfileOf(p.r.Profile); profile != nil && profile.Password.OutOfBand != "" {
		return fmt.Errorf("%s: %s (%s)", p.r.Profile, profile.Password.OutOfBand, profile.Password.From)
	}
	file, err := openPasswordFile(cfg.Resolve(p.r.Login.PasswordFile))
	if err != nil {
		return err
	}
	// Another run may have changed it since the config was read.
	if p.r.Login.Password, err = file.password(); err != nil {
		file.close()
		return err
	}
	p.file = file
	return nil
}

// work returns nil when the new password is valid and in its place.
func (p *passwdRun) work(ctx context.Context, in io.Reader) error {
	old := p.r.Login.Password
	left, err := p.file.candidate()
	switch {
	case err != nil:
		return err
	case !left.Empty():
		fmt.Fprintf(p.say, "%s is left from an earlier run; finding out which password is valid\n", p.file.next)
		return p.settle(left, old)
	}
	text, err := cli.AskPassword(ctx, in, p.say)
	if err != nil {
		return err
	}
	next := config.NewSecret(text)
	if err := checkNewPassword(next, old, p.r); err != nil {
		return err
	}
	return p.change(ctx, next, old)
}

// change logs in with a new password.
func (p *passwdRun) change(ctx context.Context, next, old config.Secret) error {
	if err := p.file.write(next); err != nil {
		return fmt.Errorf("%w; nothing has changed", err)
	}
	res := p.login(ctx, old.Reveal(), next.Reveal())
	switch res.Verdict {
	case talk.LoginAccepted:
		return p.promote()
	case talk.LoginUnknown:
		fmt.Fprintf(p.say, "no answer to the login (%v); finding out which password is valid\n", res.Err)
		return p.settle(next, old)
	case talk.LoginFull:
		res.Err = fmt.Errorf("%w: no session is free; lower sessions.max by one and send eppmux SIGHUP, or "+
			"stop it, and try again", res.Err)
	}
	if res.Verdict == talk.LoginNotSent || clearlyRefused(res.Err) {
		return p.dismiss(res.Err)
	}
	fmt.Fprintf(p.say, "%v\nthat does not say which password is valid; finding out\n", res.Err)
	return p.doubt(next, old, res.Err)
}

// clearlyRefused reports whether a refusal of a login says that its new password was not taken: the
// registry has not understood the login, does not support what is in it, does not accept the
// credentials, or has a rule against the new password (RFC 5730 section 3). With any other code, as
// 2400 or 2500, it may have failed, or found no session free, after it took the new password.
func clearlyRefused(err error) bool {
	no := (*talk.Refusal)(nil)
	if !errors.As(err, &no) {
		return false
	}
	c := no.Code
	return c >= 2001 && c <= 2005 || c >= 2100 && c <= 2103 || c == 2200 || c == 2306
}

// doubt finds out which password is valid after a refusal that does not tell. As settle does, with
// the old one first, since that is the likelier one, and none behind an answer that the other login
// would get as well.
func (p *passwdRun) doubt(next, old config.Secret, refusal error) error {
	ctx := context.Background()
	byOld := p.login(ctx, old.Reveal(), "")
	switch byOld.Verdict {
	case talk.LoginAccepted:
		return p.dismiss(refusal)
	case talk.LoginFull, talk.LoginNotSent:
		return p.undecided(errors.New("not tried"), byOld.Err)
	}
	byNew := p.login(ctx, next.Reveal(), "")
	if byNew.Verdict == talk.LoginAccepted {
		return p.promote()
	}
	return p.undecided(byNew.Err, byOld.Err)
}

// settle finds out which password is valid, with at most one login for each. It does not end early
// when the operator interrupts: the answer under way may be the last before the registry locks the
// account.
func (p *passwdRun) settle(next, old config.Secret) error {
	ctx := context.Background()
	first := p.login(ctx, next.Reveal(), "")
	if first.Verdict == talk.LoginAccepted {
		return p.promote()
	}
	second := p.login(ctx, old.Reveal(), "")
	if second.Verdict == talk.LoginAccepted {
		return p.dismiss(errors.New("the registry has kept the old password"))
	}
	return p.undecided(first.Err, second.Err)
}

// undecided is the end of an attempt after which the candidate stays, with what was said to a login
// with each of the passwords.
func (p *passwdRun) undecided(byNew, byOld error) error {
	return fmt.Errorf(`it is not known which password is valid
  with the new one: %v
  with the old one: %v
The new one stays in %s, the old one in %s. Do not try by hand in a hurry:
registries lock accounts. When the registry can be reached and has a session free, run this
command again: it begins with finding out. If both are refused then, ask the registry to set
a password, put it into %s, and remove %s`,
		byNew, byOld, p.file.next, p.file.path, p.file.path, p.file.next)
}

// promote ends an attempt that the registry has accepted.
func (p *passwdRun) promote() error {
	if err := p.file.promote(); err != nil {
		return fmt.Errorf("the registry has the new password, which is in %s, but: %w; rename it to %s", p.file.next,
			err, p.file.path)
	}
	return nil
}

// dismiss ends an attempt that has changed nothing.
func (p *passwdRun) dismiss(why error) error {
	if err := p.file.discard(); err != nil {
		return fmt.Errorf("%w; nothing has changed at the registry, but: %w; remove %s", why, err, p.file.next)
	}
	return fmt.Errorf("%w; nothing has changed", why)
}

// notify sends SIGHUP to a running eppmux, or says that the operator must.
func (p *passwdRun) notify(cmd *cobra.Command) error {
	if p.pid == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "send SIGHUP to a running eppmux: until then it logs in with the old one")
		return nil
	}
	if err := syscall.Kill(p.pid, syscall.SIGHUP); err != nil {
		return cli.Failed(cmd, fmt.Errorf("the password is changed, but SIGHUP to process %d: %w; send it to eppmux",
			p.pid, err))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "sent SIGHUP to process %d\n", p.pid)
	return nil
}

// checkNewPassword refuses a password that the registry would refuse, or take for another one.
func checkNewPassword(next, old config.Secret, r *config.Registry) error {
	var rule config.PasswordRule
	if p := config.ProfileOf(r.Profile); p != nil {
		rule = p.Password
	}
	text := next.Reveal()
	switch n := len([]rune(text)); {
	case text == old.Reveal():
		return errors.New("the new password is the old one")
	case n < max(shortestPassword, rule.Min):
		return fmt.Errorf("the new password must have at least %d characters%s", max(shortestPassword, rule.Min),
			rule.Source())
	case rule.Max > 0 && n > rule.Max:
		return fmt.Errorf("the new password must have at most %d characters%s", rule.Max, rule.Source())
	case strings.ContainsAny(text, rule.Forbidden):
		return fmt.Errorf("the new password must not have any of %q%s", rule.Forbidden, rule.Source())
	case strings.Join(strings.Fields(text), " ") != text:
		return errors.New("the new password must not begin or end with a blank, or have two in a row: registries " +
			"drop them")
	}
	return nil
}

// shortestPassword is the least length of pwType in RFC 5730's schema, in characters. The greatest,
// 16, does not hold at a registry with RFC 8807.
const shortestPassword = 6
