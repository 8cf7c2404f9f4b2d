package config

import (
	"fmt"
	"strings"

	"eppmux/cmd/eppmux/internal/cli"
	"eppmux/proxy"
)

// rule implements ruler.
func (cl *Clients) rule(c *checker, path, key string) {
	at := join(path, key)
	if key == "users" && cl.Login == LoginVerify && len(cl.Users) == 0 && !c.hasFault(at) {
		c.add(at, "needs at least one: login is verify")
	}
}

// rule implements ruler.
func (u *User) rule(c *checker, path, key string) {
	switch key {
	case "client_id":
		u.checkID(c, path, join(path, key))
	case "password_hash":
		u.loadHash(c, path)
	}
}

// checkID checks the client id, which stands at the path id.
func (u *User) checkID(c *checker, path, id string) {
	switch {
	case c.hasFault(id):
	case u.ClientID == "":
		c.add(id, "is missing")
	case strings.Join(strings.Fields(u.ClientID), " ") != u.ClientID:
		c.add(id, "must not begin or end with a blank, or have two in a row: EPP drops them")
	default:
		if first := c.first(path, u.ClientID); first != "" {
			c.add(id, "%s is in %s already", cli.Quote(u.ClientID), first)
		}
	}
}

// loadHash takes the hash from its one source.
func (u *User) loadHash(c *checker, path string) {
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
		c.add(source, "%v", err) // it never shows the hash
	}
}

// warnUsers adds a warning where users have no effect, and where others can read a hash and guess
// the password.
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
