package sandbox

import (
	"math/big"
	"strconv"
	"strings"
)

// money is an amount in cents.
type money int64

func (m money) String() string {
	sign := ""
	if m < 0 {
		sign, m = "-", -m
	}
	cents := strconv.FormatInt(int64(m), 10)
	for len(cents) < 3 {
		cents = "0" + cents
	}
	return sign + cents[:len(cents)-2] + "." + cents[len(cents)-2:]
}

// The prices. Those of a year are for each that is asked for.
const (
	currency      = "EUR"
	yearPrice     = money(10_00) // create, renew and transfer
	restorePrice  = money(40_00)
	premiumFactor = 10 // of yearPrice
	premium       = "premium-"
)

// price is what a command for a name costs. years is 0 where the command has no period. ok is false
// for commands that have no price.
func price(name, command string, years int) (m money, ok bool) {
	switch command {
	case "create", "renew", "transfer":
		m = yearPrice * money(years)
		if isPremium(name) {
			m *= premiumFactor
		}
		return m, true
	case "restore":
		return restorePrice, true
	case "delete", "update":
		return 0, true
	}
	return 0, false
}

func isPremium(name string) bool { return strings.HasPrefix(name, premium) }

// yearly reports whether the price of a command is one for each year.
func yearly(command string) bool {
	return command == "create" || command == "renew" || command == "transfer"
}

// yearsOf returns the years of a command that years has read before.
func yearsOf(c *call) int {
	n, _ := years(c.object.child("period"))
	return n
}

// extension returns the command's extension of a namespace, nil if it has none.
func (c *call) extension(space string) *node {
	for _, e := range c.ext {
		if e.space == space {
			return e
		}
	}
	return nil
}

// charge returns what a transform costs, if the client agreed to pay that much. RFC 8748 section 3:
// an agreed sum that is lower, or in a currency that is not taken, is 2004, and a price that is not
// the usual one has to be agreed. command is as in price.
func (c *call) charge(name, command string, years int) (money, *fault) {
	m, _ := price(name, command, years)
	agreed := c.extension(nsFee)
	if agreed == nil {
		if isPremium(name) && yearly(command) {
			return 0, &fault{codeMissing, "fee: it costs " + m.String() + " " + currency}
		}
		return 0, nil
	}
	if in := agreed.child("currency"); in != nil && in.token() != currency {
		return 0, &fault{codeRange, "currency: prices are in " + currency}
	}
	var sum big.Rat
	for _, n := range append(agreed.children("fee"), agreed.children("credit")...) {
		var r big.Rat
		r.SetString(n.token()) // the shape has tested it
		sum.Add(&sum, &r)
	}
	if sum.Cmp(big.NewRat(int64(m), 100)) < 0 {
		return 0, &fault{codeRange, "fee: it costs " + m.String() + " " + currency}
	}
	return m, nil
}

// charged returns the extension of an answer that says what was charged. It is empty where the
// command came without a fee. RFC 8748 section 5.2.
func (c *call) charged(element string, m money) string {
	if c.extension(nsFee) == nil {
		return ""
	}
	return wrap("fee", nsFee, element, func(x *xmlText) {
		x.el("fee:currency", currency)
		x.el("fee:fee", m.String())
	})
}

// credited returns the extension of the answer to a delete that gives money back, empty if it gives
// none. RFC 8748 section 5.2.2.
func credited(m money) string {
	if m == 0 {
		return ""
	}
	return wrap("fee", nsFee, "delData", func(x *xmlText) {
		x.el("fee:currency", currency)
		x.elAttr("fee:credit", "description", "AGP Credit", (-m).String())
	})
}

// feeCheck returns chkData of RFC 8748 section 5.1.1, empty if no prices were asked for.
func (st *store) feeCheck(c *call) string {
	asked := c.extension(nsFee)
	if asked == nil {
		return ""
	}
	reason := ""
	if in := asked.child("currency"); in != nil && in.token() != currency {
		reason = "Prices are in " + currency
	}
	return wrap("fee", nsFee, "chkData", func(x *xmlText) {
		x.el("fee:currency", currency)
		for _, n := range c.object.kids {
			x.priced(n, st.unpriced(n, reason), asked.children("command"))
		}
	})
}

// unpriced returns why a name has no prices, empty if it has.
func (st *store) unpriced(n *node, reason string) string {
	name, f := hostName(n)
	switch {
	case reason != "":
		return reason
	case f != nil:
		return "Invalid name"
	case st.registrable(name) != nil:
		return "Not in a zone of this registry"
	}
	return ""
}

// priced appends the cd element of one name. An empty reason means that it has prices.
func (x *xmlText) priced(n *node, reason string, commands []*node) {
	if reason != "" {
		x.raw(`<fee:cd avail="0">`)
		x.el("fee:objID", n.token())
		x.el("fee:reason", reason)
		x.raw("</fee:cd>")
		return
	}
	name := strings.ToLower(n.token())
	x.raw(`<fee:cd avail="1">`)
	x.el("fee:objID", n.token())
	if isPremium(name) {
		x.el("fee:class", "premium")
	} else {
		x.el("fee:class", "standard")
	}
	for _, cmd := range commands {
		x.commandPrice(name, cmd)
	}
	x.raw("</fee:cd>")
}

// commandPrice appends the command element of an answer.
func (x *xmlText) commandPrice(name string, cmd *node) {
	command, _ := cmd.attr("name")
	standard := "1"
	if isPremium(name) && yearly(command) {
		standard = "0"
	}
	x.raw(`<fee:command name="` + command + `" standard="` + standard + `"`)
	for _, a := range []string{"customName", "phase", "subphase"} {
		if v, ok := cmd.attr(a); ok {
			x.raw(" " + a + `="`)
			x.text(v)
			x.raw(`"`)
		}
	}
	x.raw(">")
	defer x.raw("</fee:command>")
	if !yearly(command) {
		m, ok := price(name, command, 0)
		if ok {
			x.el("fee:fee", m.String())
		} else {
			x.el("fee:reason", "No such command")
		}
		return
	}
	n, f := years(cmd.child("period"))
	if f != nil {
		p := cmd.child("period")
		unit, _ := p.attr("unit")
		x.elAttr("fee:period", "unit", unit, p.token())
		x.el("fee:reason", f.reason)
		return
	}
	x.elAttr("fee:period", "unit", "y", strconv.Itoa(n))
	m, _ := price(name, command, n)
	x.el("fee:fee", m.String())
}
