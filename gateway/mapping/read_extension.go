package mapping

import "strconv"

// secDNS is infData of RFC 5910. A record with a number that is none is left out.
func (e element) secDNS() *SecDNS {
	s := &SecDNS{}
	if n, ok := e.same("maxSigLife").number(31); ok {
		s.MaxSigLife = n
	}
	for c := range e.children {
		switch {
		case c.named(inSecDNS, "dsData"):
			tag, ok1 := c.same("keyTag").number(16)
			alg, ok2 := c.same("alg").number(8)
			kind, ok3 := c.same("digestType").number(8)
			if !ok1 || !ok2 || !ok3 {
				continue
			}
			d := DS{KeyTag: uint16(tag), Algorithm: uint8(alg), DigestType: uint8(kind), Digest: c.tokenOf("digest")}
			if k, ok := c.same("keyData").key(); ok {
				d.Key = &k
			}
			s.DS = append(s.DS, d)
		case c.named(inSecDNS, "keyData"):
			if k, ok := c.key(); ok {
				s.Keys = append(s.Keys, k)
			}
		}
	}
	return s
}

// key is keyData.
func (e element) key() (DNSKEY, bool) {
	flags, ok1 := e.same("flags").number(16)
	protocol, ok2 := e.same("protocol").number(8)
	alg, ok3 := e.same("alg").number(8)
	k := DNSKEY{Flags: uint16(flags), Protocol: uint8(protocol), Algorithm: uint8(alg), PublicKey: e.tokenOf("pubKey")}
	return k, ok1 && ok2 && ok3
}

// number is the text as a number of so many bits.
func (e element) number(bits int) (int, bool) {
	n, err := strconv.ParseUint(e.token(), 10, bits)
	return int(n), err == nil
}

// ttls is infData of RFC 9803.
func (e element) ttls() []TTL {
	var all []TTL
	for c := range e.children {
		if !c.named(inTTL, "ttl") {
			continue
		}
		all = append(all, TTL{
			For: c.value("for"), Custom: c.value("custom"), Seconds: seconds(c.token()),
			Min: seconds(c.value("min")), Default: seconds(c.value("default")), Max: seconds(c.value("max")),
		})
	}
	return all
}

// seconds is nil for what is no number.
func seconds(s string) *int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return nil
	}
	i := int(n)
	return &i
}

// fees is chkData of RFC 8748.
func (e element) fees() []Fees {
	var all []Fees
	currency := e.tokenOf("currency")
	for cd := range e.children {
		if !cd.named(inFee, "cd") {
			continue
		}
		f := Fees{Name: cd.tokenOf("objID"), Currency: currency, Class: cd.tokenOf("class"),
			Reason: cd.tokenOf("reason")}
		if avail, ok := cd.attribute("avail"); ok && !isTrue(avail) && f.Reason == "" {
			f.Reason = "the registry gives no reason"
		}
		for c := range cd.children {
			if c.named(inFee, "command") {
				f.Commands = append(f.Commands, c.feeCommand())
			}
		}
		all = append(all, f)
	}
	return all
}

func (e element) feeCommand() FeeCommand {
	c := FeeCommand{
		Command: e.value("name"), Custom: e.value("customName"), Phase: e.value("phase"), Subphase: e.value("subphase"),
		Period: e.same("period").period(), Standard: e.boolean("standard"), Reason: e.tokenOf("reason"),
	}
	c.Fees, c.Credits = e.amounts()
	return c
}

// charge is the answer to a transform.
func (e element) charge() *Charge {
	c := &Charge{
		Currency: e.tokenOf("currency"), Period: e.same("period").period(),
		Balance: e.tokenOf("balance"), CreditLimit: e.tokenOf("creditLimit"),
	}
	c.Fees, c.Credits = e.amounts()
	return c
}

// amounts are the fees and credits in e.
func (e element) amounts() (fees, credits []Fee) {
	for c := range e.children {
		description, _ := c.rawAttribute("description")
		f := Fee{
			Amount: c.token(), Description: description, Lang: c.value("lang"),
			Refundable: c.boolean("refundable"), GracePeriod: c.value("grace-period"), Applied: c.value("applied"),
		}
		switch {
		case c.named(inFee, "fee"):
			fees = append(fees, f)
		case c.named(inFee, "credit"):
			credits = append(credits, f)
		}
	}
	return fees, credits
}

// period is nil where there is none, or no number in it.
func (e element) period() *Period {
	n, ok := e.number(16)
	if !ok {
		return nil
	}
	return &Period{Value: n, Unit: e.value("unit")}
}

// boolean is nil where there is no such attribute.
func (e element) boolean(name string) *bool {
	v, ok := e.attribute(name)
	if !ok {
		return nil
	}
	b := isTrue(v)
	return &b
}
