package config

import (
	"fmt"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/proxy"
)

// users checks who may log in.
func (c *checker) users(path string, cl *Clients) {
	at := join(path, "users")
	if cl.Login == LoginVerify && len(cl.Users) == 0 && !c.hasFault(at) {
		c.add(at, "needs at least one: login is verify")
	}
	seen := map[string]string{}
	for i := range cl.Users {
		c.user(index(at, i), &cl.Users[i], seen)
	}
}

func (c *checker) user(path string, u *User, seen map[string]string) {
	id := join(path, "client_id")
	switch {
	case c.hasFault(path) || c.hasFault(id):
	case u.ClientID == "":
		c.add(id, "is missing")
	case strings.Join(strings.Fields(u.ClientID), " ") != u.ClientID:
		c.add(id, "must not begin or end with a blank, or have two in a row: EPP drops them")
	case seen[u.ClientID] != "":
		c.add(id, "%s is in %s already", cli.Quote(u.ClientID), seen[u.ClientID])
	default:
		seen[u.ClientID] = path
	}
	source := join(path, "password_hash")
	switch inline := !u.PasswordHash.Empty(); {
	case inline && u.PasswordHashFile != "":
		c.add(path, "needs exactly one of password_hash and password_hash_file, has both")
		return
	case u.PasswordHashFile != "":
		source = join(path, "password_hash_file")
		data, _, ok := c.readPrivate(source, u.PasswordHashFile, cli.MaxPasswordFile)
		if !ok {
			return
		}
		u.PasswordHash = NewSecret(strings.TrimRight(string(data), "\r\n"))
	case !inline:
		if !c.hasFault(path) && !c.hasFaultUnder(source) {
			c.add(path, "needs one of password_hash and password_hash_file")
		}
		return
	}
	var err error
	if u.hash, err = proxy.ParsePasswordHash(u.PasswordHash.Reveal()); err != nil {
		c.add(source, "%v", err) // never shows what is there
	}
}

// warnUsers adds a warning where the users are of no use, or where others can read their hashes and
// guess at them.
func warnUsers(l *faultList, path string, cl *Clients, files files) {
	at := join(path, "clients.users")
	if cl.Login != LoginVerify && len(cl.Users) > 0 {
		l.put(Fault{l.line(at), at, "has no effect while clients.login is " + string(cl.Login)})
	}
	for i, u := range cl.Users {
		if err := cli.Private(files.config); err != nil && u.PasswordHashFile == "" {
			at := join(index(at, i), "password_hash")
			l.put(Fault{l.line(at), at, fmt.Sprintf("stands in this file, and %v; or use password_hash_file: a weak "+
				"password can be guessed from its hash", err)})
		}
	}
}
