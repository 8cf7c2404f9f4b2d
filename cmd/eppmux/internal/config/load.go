package config

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"eppmux/cmd/eppmux/internal/cli"
)

// maxConfigFile bounds the config file, in octets.
const maxConfigFile = 1 << 20

// Load reads the file, fills in the defaults, checks every rule and loads what the file refers to:
// passwords, certificates, keys. The error is a *Faults with all that is wrong, or says why the
// file could not be read.
func Load(path string) (*Config, error) {
	data, info, err := cli.ReadFile(path, maxConfigFile)
	if err != nil {
		return nil, err
	}
	return parseConfig(path, data, files{folder: filepath.Dir(path), config: info})
}

// LoadValues reads the values of a config file, without its rules and without what it refers to.
// Commands that need neither passwords nor certificates use it: both may be out of their reach.
func LoadValues(path string) (*Config, error) {
	data, _, err := cli.ReadFile(path, maxConfigFile)
	if err != nil {
		return nil, err
	}
	cfg, l := readConfig(data)
	if err := l.faults(path); err != nil {
		return nil, err
	}
	cfg.folder = filepath.Dir(path)
	return cfg, nil
}

// readConfig reads the values of a config file.
func readConfig(data []byte) (*Config, *faultList) {
	cfg, r := new(Config), newReader()
	v := reflect.ValueOf(cfg).Elem()
	setDefaults(v)
	if doc := r.document(data); doc != nil {
		if n := r.node("", doc); n != nil {
			r.value("", n, v)
		}
	}
	return cfg, r.faultList
}

// files is what the rules know of the file system.
type files struct {
	folder string      // relative paths start here
	config fs.FileInfo // of the config file; nil: not in a file

	system func() (string, error) // its name; nil: os.Hostname
}

func parseConfig(name string, data []byte, files files) (*Config, error) {
	cfg, l := readConfig(data)
	// A file without a key has one fault, and every rule would add another.
	if len(l.list) == 0 || len(l.lines) > 0 {
		c := &checker{faultList: l, files: files}
		c.rules("", reflect.ValueOf(cfg).Elem())
	}
	if err := l.faults(name); err != nil {
		return nil, err
	}
	cfg.folder = files.folder
	cfg.Warnings = warnings(name, cfg, l.lines, files, time.Now())
	return cfg, nil
}

// warnings returns the warnings about a config without faults, one line each, as Faults writes
// them.
func warnings(name string, cfg *Config, lines map[string]int, files files, now time.Time) []string {
	l := &faultList{lines: lines}
	for i := range cfg.Registries {
		path := index("registries", i)
		warnProfile(l, path, &cfg.Registries[i])
		warnDefaults(l, path, &cfg.Registries[i])
		warnForgotten(l, path, cfg, &cfg.Registries[i])
		warnExpiry(l, path, cfg.Registries[i].Certificates(), now)
		warnUsers(l, path, &cfg.Registries[i].Clients, files)
		warnSharing(l, path, cfg, &cfg.Registries[i])
		warnOffered(l, path, cfg, &cfg.Registries[i])
	}
	if cfg.Gateway != nil {
		warnGateway(l, "gateway", cfg, files)
		warnExpiry(l, "gateway", cfg.Gateway.Certificates(), now)
	}
	if cfg.Cluster != nil {
		warnCluster(l, "cluster", cfg.Cluster)
		warnExpiry(l, "cluster", cfg.Cluster.Certificates(), now)
	}
	slices.SortStableFunc(l.list, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	var texts []string
	for _, f := range l.list {
		texts = append(texts, f.place(name)+": warning: "+f.Text)
	}
	return texts
}

// credentials is how the path of a credential begins: a file that the service manager passes to us
// in a folder of its own (systemd.exec(5), LoadCredential=). The folder is another one at each
// start.
const credentials = "$CREDENTIALS_DIRECTORY/"

func credentialsFolder() string { return os.Getenv("CREDENTIALS_DIRECTORY") }

// privateAt is cli.Private for the file at a resolved path, with a milder rule for credentials. The
// service manager grants access to those by an access list where it can. The bits of the group are
// then the mask of the list: that the group may read means only that we may. The folder keeps
// others out besides.
func privateAt(path string, info fs.FileInfo) error {
	if folder := credentialsFolder(); folder != "" && filepath.Dir(path) == filepath.Clean(folder) &&
		info.Mode().Perm()&0o037 == 0 {
		return nil
	}
	return cli.Private(info)
}

// resolve returns where the file is that a key names. Where there are no credentials, a path into
// them stays as it is, and leads nowhere.
func (f files) resolve(path string) string {
	if name, ok := strings.CutPrefix(path, credentials); ok && credentialsFolder() != "" {
		return filepath.Join(credentialsFolder(), name)
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.folder, path)
}

// read reads a file that a key names. It returns false after a fault.
func (c *checker) read(path, file string, limit int64) ([]byte, fs.FileInfo, bool) {
	if strings.HasPrefix(file, credentials) && credentialsFolder() == "" {
		c.add(path, "%s: CREDENTIALS_DIRECTORY is not set; a service manager sets it where the unit has "+
			"LoadCredential=", file)
		return nil, nil, false
	}
	data, info, err := cli.ReadFile(c.files.resolve(file), limit)
	if err != nil {
		c.add(path, "%v", err)
		return nil, nil, false
	}
	return data, info, true
}

// readPrivate reads a file that only its owner may reach.
func (c *checker) readPrivate(path, file string, limit int64) ([]byte, fs.FileInfo, bool) {
	data, info, ok := c.read(path, file, limit)
	if !ok {
		return nil, nil, false
	}
	if err := privateAt(c.files.resolve(file), info); err != nil {
		c.add(path, "%s: %v", file, err)
		return nil, nil, false
	}
	return data, info, true
}

// loadPassword loads the password of the mapping at path into inline, which has what the key
// password says. It returns the keys that have one; more than one is a fault.
func (c *checker) loadPassword(path string, inline *Secret, file, env string) (sources []string) {
	if !inline.Empty() {
		sources = append(sources, "password")
		if err := cli.Private(c.files.config); err != nil {
			c.add(join(path, "password"), "stands in this file, and %v; or use password_file", err)
		}
		*inline = c.password(join(path, "password"), inline.Reveal())
	}
	if file != "" {
		sources = append(sources, "password_file")
		*inline = c.passwordFile(join(path, "password_file"), file)
	}
	if env != "" {
		sources = append(sources, "password_env")
		*inline = c.passwordEnv(join(path, "password_env"), env)
	}
	if len(sources) > 1 {
		c.add(path, "needs exactly one of password, password_file and password_env, has %s",
			strings.Join(sources, " and "))
	}
	return sources
}

// passwordFile returns the password in a file that a key names.
func (c *checker) passwordFile(path, file string) Secret {
	data, _, ok := c.readPrivate(path, file, cli.MaxPasswordFile)
	if !ok {
		return Secret{}
	}
	return c.password(path, strings.TrimRight(string(data), "\r\n"))
}

// passwordEnv returns the password in an environment variable.
func (c *checker) passwordEnv(path, name string) Secret {
	value, ok := os.LookupEnv(name)
	if !ok {
		c.add(path, "there is no environment variable %s", cli.Quote(name))
		return Secret{}
	}
	return c.password(path, value)
}

// password checks the value of a source. The value must never stand in a fault.
func (c *checker) password(path, value string) Secret {
	switch {
	case value == "":
		c.add(path, "the password there is empty")
	case !utf8.ValidString(value):
		c.add(path, "the password there is not UTF-8")
	case strings.ContainsFunc(value, unicode.IsControl):
		c.add(path, "the password there has more than one line, or control characters")
	}
	return NewSecret(value)
}

// roots returns the certificate authorities in a file.
func (c *checker) roots(path, file string) *x509.CertPool {
	data, _, ok := c.read(path, file, cli.MaxPEMFile)
	if !ok {
		return nil
	}
	pool, err := parseRoots(data)
	if err != nil {
		c.add(path, "%s %v", file, err)
		return nil
	}
	return pool
}

// certificate loads cert_file and key_file of the mapping at path. Both or neither must be given;
// nil: neither was, or there is a fault.
func (c *checker) certificate(path, certFile, keyFile string) *KeyPair {
	certPath, keyPath := join(path, "cert_file"), join(path, "key_file")
	switch {
	case certFile == "" && keyFile == "":
		return nil
	case certFile == "":
		c.add(certPath, "is missing beside key_file")
		return nil
	case keyFile == "":
		c.add(keyPath, "is missing beside cert_file")
		return nil
	}
	cert, certInfo, certOK := c.read(certPath, certFile, cli.MaxPEMFile)
	key, keyInfo, keyOK := c.readPrivate(keyPath, keyFile, cli.MaxPEMFile)
	if !certOK || !keyOK {
		return nil
	}
	pair, err := parseKeyPair(cert, key)
	if err != nil {
		c.badPair(certPath, keyPath, certFile, keyFile, cert, err)
		return nil
	}
	return newKeyPair(c.files.resolve(certFile), c.files.resolve(keyFile), pair,
		[2]stamp{stampOf(certInfo), stampOf(keyInfo)})
}

// badPair adds a fault at the file that is to blame for err.
func (c *checker) badPair(certPath, keyPath, certFile, keyFile string, cert []byte, err error) {
	if !bytes.Contains(cert, []byte("-----BEGIN CERTIFICATE-----")) {
		c.add(certPath, "%s holds no certificate in PEM", certFile)
		return
	}
	c.add(keyPath, "%s does not go with %s: %s", keyFile, certFile, strings.TrimPrefix(err.Error(), "tls: "))
}
