package mapping

// feeCommands are the values of fee:commandEnum.
var feeCommands = []string{"create", "delete", "renew", "update", "transfer", "restore", "custom"}

// feeCheck writes what asks for prices.
func (w *writer) feeCheck(f *FeeCheck) {
	if len(f.Commands) == 0 {
		w.fail("fee.commands", "is missing")
	}
	w.extension("fee:", "check", nsFee, nil, func() {
		w.currency("fee.currency", f.Currency)
		for i := range f.Commands {
			w.feeCommand(item("fee.commands", i), &f.Commands[i])
		}
	})
}

func (w *writer) feeCommand(member string, c *FeeCommand) {
	w.one(under(member, "command"), c.Command, feeCommands...)
	if len(c.Fees)+len(c.Credits) > 0 || c.Standard != nil || c.Reason != "" {
		w.fail(member, "has a price, which is only in answers")
	}
	w.open("command")
	w.attribute("name", c.Command)
	if (c.Command == "custom") != (c.Custom != "") { // RFC 8748 section 3.1
		w.fail(under(member, "customName"), "goes with custom, and only with that")
	}
	for _, a := range []struct{ name, value string }{
		{"customName", c.Custom}, {"phase", c.Phase}, {"subphase", c.Subphase},
	} {
		if a.value != "" {
			w.checkToken(under(member, a.name), a.value, 1, unbounded)
			w.attribute(a.name, a.value)
		}
	}
	if c.Period == nil {
		w.raw("/>")
		return
	}
	w.raw(">")
	w.period(under(member, "period"), c.Period)
	w.close("command")
}

// charge writes what the caller agrees to pay; nothing for nil.
func (w *writer) charge(verb string, c *Charge) {
	if c == nil {
		return
	}
	if c.Period != nil || c.Balance != "" || c.CreditLimit != "" {
		w.fail("fee", "has a period, balance or limit, which are only in answers")
	}
	if len(c.Fees) == 0 {
		w.fail("fee.fees", "is missing")
	}
	w.extension("fee:", verb, nsFee, nil, func() {
		w.currency("fee.currency", c.Currency)
		for i := range c.Fees {
			w.fee(item("fee.fees", i), &c.Fees[i])
		}
		for i := range c.Credits {
			w.credit(item("fee.credits", i), &c.Credits[i])
		}
	})
}

// currency writes nothing for an empty one.
func (w *writer) currency(member, value string) {
	if value == "" {
		return
	}
	if len(value) != 3 || !isCapital(value[0]) || !isCapital(value[1]) || !isCapital(value[2]) {
		w.fail(member, "is no code of three capital letters")
	}
	w.open("currency")
	w.text("currency", value)
}

func isCapital(c byte) bool { return 'A' <= c && c <= 'Z' }

func (w *writer) fee(member string, f *Fee) {
	if !isDecimal(f.Amount) {
		w.fail(under(member, "amount"), "is no decimal number as in 12.50")
	}
	w.open("fee")
	w.description(member, f)
	if f.Refundable != nil {
		w.attribute("refundable", boolean(*f.Refundable))
	}
	if f.GracePeriod != "" {
		if !isDuration(f.GracePeriod) {
			w.fail(under(member, "gracePeriod"), "is no duration as in P5D")
		}
		w.attribute("grace-period", f.GracePeriod)
	}
	if f.Applied != "" {
		w.one(under(member, "applied"), f.Applied, "immediate", "delayed")
		w.attribute("applied", f.Applied)
	}
	w.text("fee", f.Amount)
}

func (w *writer) credit(member string, f *Fee) {
	if !isCredit(f.Amount) {
		w.fail(under(member, "amount"), "is no decimal number of at most 0, as in -12.50")
	}
	if f.Refundable != nil || f.GracePeriod != "" || f.Applied != "" {
		w.fail(member, "has refundable, gracePeriod or applied, which only fees have")
	}
	w.open("credit")
	w.description(member, f)
	w.text("credit", f.Amount)
}

// description writes the attributes that fees and credits have.
func (w *writer) description(member string, f *Fee) {
	if f.Description != "" {
		w.check(under(member, "description"), charFault(f.Description))
		w.attribute("description", f.Description)
	}
	w.language(under(member, "lang"), f.Lang)
}
