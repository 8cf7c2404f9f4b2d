// Package rpp serves the RESTful Provisioning Protocol of the IETF's working group rpp, as far as it is
// settled. It is experimental.
package rpp

import (
	"net/http"

	"eppmux/gateway/batch"
	"eppmux/gateway/carry"
)

// Config says what is served.
type Config struct {
	Carrier    *carry.Carrier
	Checker    *batch.Checker
	Registries func() []*carry.Registry // as of now
	Codes      string
	SetsStatus bool
}

// New returns the handler of /rpp/v1/… and /.well-known/rpp.json. The caller has found out the user and
// the request id (carry.UserFrom, carry.RequestIDFrom), and has refused bodies that are too long; for
// discovery there need be no user.
func New(cfg Config) http.Handler { panic("not built") }
