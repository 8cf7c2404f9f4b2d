package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"eppmux/cmd/eppmux/internal/localca"
)

// advice says what is in dir now and what is left for the user to do.
func advice(made *localca.Certificate, dir string, renewed bool) string {
	var b strings.Builder
	ca := filepath.Join(dir, localca.CAFile)
	if renewed {
		fmt.Fprintf(&b, "%s is renewed, for %s until %s.\nA running eppmux takes it by itself; "+
			"clients that trust %s need nothing.\n",
			filepath.Join(dir, localca.ServerFile), strings.Join(made.Names, ", "), date(made.Leaf.NotAfter), ca)
		return b.String()
	}
	fmt.Fprintf(&b, "Made in %s:\n", dir)
	for _, f := range [][2]string{
		{localca.CAFile, "the authority, for clients, until " + date(made.Authority.Cert.NotAfter)},
		{localca.CAKeyFile, "its key, for --renew alone"},
		{localca.ServerFile, "for " + strings.Join(made.Names, ", ") + ", until " + date(made.Leaf.NotAfter)},
		{localca.ServerKeyFile, "its key"},
	} {
		fmt.Fprintf(&b, "  %-11s %s\n", f[0], f[1])
	}
	fmt.Fprintf(&b, `
In the config file, at the registry (more listeners may stand in the list):
    listen: ["tls://127.0.0.1:7700"]
    clients:
      tls: {cert_file: %q, key_file: %q}

Clients connect to one of those names and trust ca.pem, each in its own way:
`, filepath.Join(dir, localca.ServerFile), filepath.Join(dir, localca.ServerKeyFile))
	for _, t := range trusts {
		fmt.Fprintf(&b, "  %-8s %s\n", t.tool, strings.ReplaceAll(t.how, "{ca}", ca))
	}
	return b.String()
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// trusts has how clients are made to trust an authority, with {ca} for its file.
var trusts = []struct{ tool, how string }{
	{"eppmux", "eppmux send --to tls://localhost:7700 --ca {ca} hello"},
	{"openssl", "openssl s_client -CAfile {ca} -verify_return_error -verify_hostname localhost " +
		"-connect localhost:7700"},
	{"", "in general, for what uses OpenSSL: SSL_CERT_FILE={ca} in the environment"},
	{"Perl", "IO::Socket::SSL, Net::EPP: SSL_ca_file => '{ca}', SSL_verify_mode => 1"},
	{"PHP", "stream_context_create(['ssl' => ['cafile' => '{ca}', 'verify_peer' => true]])"},
	{"Java", "keytool -importcert -noprompt -alias eppmux -file {ca} -keystore trust.p12 -storepass changeit"},
	{"", "java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit ..."},
	{"Python", "ssl.create_default_context(cafile='{ca}')"},
	{"Go", "tls.Config{RootCAs: pool}, after pool.AppendCertsFromPEM of {ca}"},
}
