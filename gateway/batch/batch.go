// Package batch answers whether names are free, for many requests at once: it sorts names by registry, and
// packs those of all requests that wait into as few checks as a registry allows. A check is filled at the
// moment at which it goes: names that come while it waits for its turn join it.
package batch

import (
	"context"

	"eppmux/gateway/carry"
	"eppmux/gateway/mapping"
)

// Request is what one caller asks. Names are U-labels or A-labels, of any registries.
type Request struct {
	User      *carry.User
	RequestID string
	Names     []string
	Registry  string            // name of the one to ask for all Names; empty: by Zones
	Fee       *mapping.FeeCheck // prices too, where the registry has fee-1.0
}

// Answer is about one name. One of Check and Problem is set.
type Answer struct {
	Index    int    // of Request.Names
	Name     string // as asked
	Registry string // empty: no registry has its zone
	Check    *mapping.Check
	Fees     *mapping.Fees
	Code     int // the registry's result code; 0: it has not answered
	Problem  *Problem
}

// Problem says why there is no answer about a name.
type Problem struct {
	Kind   string // bad_name, no_registry, forbidden, not_sent, refused, no_answer
	Detail string
}

// Checker answers Requests. From any goroutine.
type Checker struct{ registries []*carry.Registry }

// New returns a Checker over registries.
func New(registries []*carry.Registry) *Checker { return &Checker{registries: registries} }

// Check gives each name's answer to answer as it comes, in any order, each once, and one at a time. It
// returns when all are given; when ctx ends, the rest are not_sent or no_answer at once. Memory is
// bounded by the names that are under way.
func (c *Checker) Check(ctx context.Context, r Request, answer func(Answer)) { panic("not built") }
