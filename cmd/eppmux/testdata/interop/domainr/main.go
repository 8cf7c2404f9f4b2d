// A registrar's day with the library github.com/domainr/epp, as far as it goes: it connects, says
// hello, logs in and out, changes the password, checks domains and reads them. It has no create,
// update, renew, transfer or poll, nor objects other than domains. Each answer is printed octet for
// octet as it came, one to a line, or as its code where eppmux answers in its own words.
//
// Arguments: host:port, and for TLS the files of the authority, the certificate and its key.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/domainr/epp"
)

// heard is a connection that keeps what it reads.
type heard struct {
	net.Conn
	octets bytes.Buffer
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.octets.Write(p[:n])
	return n, err
}

// told prints a step, the payload that came, and what the library makes of it.
func (h *heard) told(step string, made ...any) {
	payload := strings.ReplaceAll(string(h.octets.Next(h.octets.Len())[4:]), "\n", " ")
	fmt.Printf("%s: %s\n  %+v\n", step, payload, made)
}

func dial() (*epp.Conn, *heard) {
	conn, err := net.Dial("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 2 {
		conn = secure(conn, os.Args[2], os.Args[3], os.Args[4])
	}
	h := &heard{Conn: conn}
	c, err := epp.NewTimeoutConn(h, 30*time.Second)
	if err != nil {
		log.Fatal("greeting: ", err)
	}
	return c, h
}

func secure(conn net.Conn, ca, cert, key string) net.Conn {
	pem, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return tls.Client(conn, &tls.Config{ServerName: "localhost", RootCAs: roots, Certificates: []tls.Certificate{pair}})
}

// code is that of an answer, whether the library takes it for an error or not.
func code(r epp.Result, err error) int {
	if e, ok := err.(*epp.Result); ok {
		return e.Code
	}
	if err != nil {
		log.Fatal(err)
	}
	return r.Code
}

func main() {
	log.SetFlags(0)
	// A connection of its own for the one answer that is not the same through eppmux. The
	// registry's is undone.
	c, _ := dial()
	changed := code(c.Login("demo", "demo-secret", "new-secret"))
	fmt.Printf("password change: code %d\n", changed)
	c.Close()
	if changed == 1000 {
		c, _ = dial()
		if n := code(c.Login("demo", "new-secret", "demo-secret")); n != 1000 {
			log.Fatal("password back: ", n)
		}
		c.Close()
	}

	c, h := dial()
	h.told("greeting", c.Greeting)
	h.told("hello", orDie(h, c.Hello()))
	fmt.Println("login: code", code(c.Login("demo", "demo-secret", "")))
	h.octets.Reset()
	for _, names := range [][]string{{"example.com"}, {"example.com", "free.net", "taken.org", "nowhere.invalid", "another.com"}} {
		checked, err := c.CheckDomain(names...)
		h.told("check", *checked, err)
	}
	checked, err := c.CheckDomainExtensions([]string{"free.net", "example.com"}, nil)
	h.told("check with extensions", *checked, err)
	for _, name := range []string{"example.com", "locked.com", "taken.com", "missing.com"} {
		info, err := c.DomainInfo(name, nil)
		if info == nil {
			h.told("info", "none", err)
			continue
		}
		info.CrDate, info.ExDate, info.UpDate, info.TrDate = time.Time{}, time.Time{}, time.Time{}, time.Time{}
		h.told("info", *info, err)
	}
	if err := c.Logout(); err != nil {
		log.Fatal("logout: ", err)
	}
	h.octets.Reset()
	n, err := h.Conn.Read(make([]byte, 1))
	fmt.Println("end:", n, err)
}

// orDie is "done"; without an answer it ends the program.
func orDie(h *heard, err error) string {
	if err != nil || h.octets.Len() == 0 {
		log.Fatal("hello: ", err)
	}
	return "done"
}
