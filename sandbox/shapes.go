package sandbox

// The command side of the schemas: epp-1.0, domain-1.0, host-1.0, contact-1.0 (RFC 5730 to 5733),
// secDNS-1.1 (RFC 5910), rgp-1.0 (RFC 3915), loginSec-1.0 (RFC 8807), fee-1.0 (RFC 8748) and
// ttl-1.0 (RFC 9803). Only the version of login
// is looser than there, so that another version can be answered 2100.

var (
	anything = &shape{open: true}
	lang     = takes("lang", isLanguage)
	authPW   = one("pw", leaf(anyText, takes("roid", isROID)))
	authInfo = either(authPW, one("ext", anything))
)

// verbShapes are the commands of epp-1.0.
var verbShapes = map[string]*shape{
	"login": seq(
		one("clID", leaf(isClID)),
		one("pw", leaf(chars(6, 16))),
		maybe("newPW", leaf(chars(6, 16))),
		one("options", seq(one("version", leaf(isVersion)), one("lang", leaf(isLanguage)))),
		one("svcs", seq(some("objURI", leaf(anyText)), maybe("svcExtension", seq(some("extURI", leaf(anyText))))))),
	"logout":   {open: true},
	"poll":     {attrs: []attrIs{needs("op", among("ack", "req")), takes("msgID", anyText)}},
	"transfer": carrier(needs("op", among("approve", "cancel", "query", "reject", "request"))),
	"check":    carrier(), "create": carrier(), "delete": carrier(), "info": carrier(),
	"renew": carrier(), "update": carrier(),
}

// objectShapes are the object elements of each command.
var objectShapes = map[shapeName]*shape{
	{nsDomain, "check"}:  seq(some("name", leaf(isLabel))),
	{nsDomain, "delete"}: seq(one("name", leaf(isLabel))),
	{nsDomain, "info"}: seq(
		one("name", leaf(isLabel, takes("hosts", among("all", "del", "none", "sub")))),
		maybe("authInfo", authInfo)),
	{nsDomain, "renew"}: seq(one("name", leaf(isLabel)), one("curExpDate", leaf(isDate)), maybe("period", period)),
	{nsDomain, "create"}: seq(
		one("name", leaf(isLabel)), maybe("period", period), maybe("ns", servers),
		maybe("registrant", leaf(isClID)), many("contact", role), one("authInfo", authInfo)),
	{nsDomain, "transfer"}: seq(one("name", leaf(isLabel)), maybe("period", period), maybe("authInfo", authInfo)),
	{nsDomain, "update"}: seq(
		one("name", leaf(isLabel)), maybe("add", domainAddRem), maybe("rem", domainAddRem),
		maybe("chg", seq(
			maybe("registrant", leaf(chars(0, 16))),
			maybe("authInfo", either(authPW, one("ext", anything), one("null", anything)))))),

	{nsHost, "check"}:  seq(some("name", leaf(isLabel))),
	{nsHost, "delete"}: seq(one("name", leaf(isLabel))),
	{nsHost, "info"}:   seq(one("name", leaf(isLabel))),
	{nsHost, "create"}: seq(one("name", leaf(isLabel)), many("addr", address)),
	{nsHost, "update"}: seq(
		one("name", leaf(isLabel)), maybe("add", hostAddRem), maybe("rem", hostAddRem),
		maybe("chg", seq(one("name", leaf(isLabel))))),

	{nsContact, "check"}:    seq(some("id", leaf(isClID))),
	{nsContact, "delete"}:   seq(one("id", leaf(isClID))),
	{nsContact, "info"}:     seq(one("id", leaf(isClID)), maybe("authInfo", authInfo)),
	{nsContact, "transfer"}: seq(one("id", leaf(isClID)), maybe("authInfo", authInfo)),
	{nsContact, "create"}: seq(
		one("id", leaf(isClID)), oneTo(2, "postalInfo", postal(one)),
		maybe("voice", phone), maybe("fax", phone), one("email", leaf(chars(1, -1))),
		one("authInfo", authInfo), maybe("disclose", disclose)),
	{nsContact, "update"}: seq(
		one("id", leaf(isClID)), maybe("add", contactAddRem), maybe("rem", contactAddRem),
		maybe("chg", seq(
			upTo(2, "postalInfo", postal(maybe)),
			maybe("voice", phone), maybe("fax", phone), maybe("email", leaf(chars(1, -1))),
			maybe("authInfo", authInfo), maybe("disclose", disclose)))),
}

var (
	period  = leaf(number(1, 99), needs("unit", among("y", "m")))
	role    = leaf(isClID, takes("type", among("admin", "billing", "tech")))
	address = leaf(chars(3, 45), takes("ip", among("v4", "v6")))
	servers = either(
		some("hostObj", leaf(isLabel)),
		some("hostAttr", seq(one("hostName", leaf(isLabel)), many("hostAddr", address))))

	domainAddRem = seq(maybe("ns", servers), many("contact", role), upTo(11, "status", statusShape(domainStatuses)))
	hostAddRem   = seq(many("addr", address), upTo(7, "status", statusShape(hostStatuses)))
	// The schema demands a status here: RFC 5733 knows nothing else to add or remove.
	contactAddRem = seq(oneTo(7, "status", statusShape(contactStatuses)))

	phone    = leaf(isE164, takes("x", anyText))
	postType = needs("type", among("loc", "int"))
	disclose = seq(
		upTo(2, "name", leaf(isNothing, postType)), upTo(2, "org", leaf(isNothing, postType)),
		upTo(2, "addr", leaf(isNothing, postType)),
		maybe("voice", anything), maybe("fax", anything), maybe("email", anything)).with(needs("flag", isFlag))
)

// postal is the shape of postalInfo. demand is one for create and maybe for update.
func postal(demand func(string, *shape) slot) *shape {
	return seq(
		demand("name", leaf(chars(1, 255))), maybe("org", leaf(chars(0, 255))),
		demand("addr", seq(
			upTo(3, "street", leaf(chars(0, 255))), one("city", leaf(chars(1, 255))),
			maybe("sp", leaf(chars(0, 255))), maybe("pc", leaf(chars(0, 16))),
			one("cc", leaf(chars(2, 2)))))).with(postType)
}

func statusShape(values []string) *shape { return leaf(anyText, needs("s", among(values...)), lang) }

// extensionShapes are the elements that may extend a command.
var extensionShapes = map[shapeName]*shape{
	{nsSecDNS, "create"}: dsOrKey,
	{nsSecDNS, "update"}: seq(
		maybe("rem", either(one("all", leaf(isFlag)), some("dsData", dsRecordShape), some("keyData", keyShape))),
		maybe("add", dsOrKey),
		maybe("chg", seq(maybe("maxSigLife", leaf(number(1, 1<<31-1)))))).with(takes("urgent", isFlag)),
	{nsRGP, "update"}: seq(one("restore", seq(maybe("report", seq(
		one("preData", anything), one("postData", anything), one("delTime", leaf(isDateTime)),
		one("resTime", leaf(isDateTime)), one("resReason", anything), oneTo(2, "statement", anything),
		maybe("other", anything)))).with(needs("op", among("request", "report"))))),
	{nsFee, "check"}: seq(
		maybe("currency", leaf(isCurrency)),
		some("command", seq(maybe("period", period)).with(
			needs("name", among("create", "delete", "renew", "update", "transfer", "restore", "custom")),
			takes("customName", anyText), takes("phase", anyText), takes("subphase", anyText)))),
	{nsFee, "create"}: agreedFee, {nsFee, "renew"}: agreedFee,
	{nsFee, "transfer"}: agreedFee, {nsFee, "update"}: agreedFee,
	{nsTTL, "info"}:   {attrs: []attrIs{takes("policy", isFlag)}},
	{nsTTL, "create"}: ttlValues, {nsTTL, "update"}: ttlValues,
	{nsLoginSec, "loginSec"}: seq(
		maybe("userAgent", anything), maybe("pw", leaf(chars(6, -1))), maybe("newPW", leaf(chars(6, -1)))),
}

var (
	feeText   = []attrIs{takes("description", anyText), lang}
	agreedFee = seq(
		maybe("currency", leaf(isCurrency)),
		some("fee", leaf(isFee, append(feeText, takes("refundable", isFlag), takes("grace-period", anyText),
			takes("applied", among("immediate", "delayed")))...)),
		many("credit", leaf(isCredit, feeText...)))
	ttlValues = &shape{
		kids: []slot{some("ttl", leaf(isTTL,
			needs("for", among("NS", "DS", "DNAME", "A", "AAAA", "custom")),
			takes("custom", pattern(`A|[A-Z][A-Z0-9\-]*[A-Z0-9]`))))},
		also: onceEach,
	}

	keyShape = seq(
		one("flags", leaf(number(0, 65535))), one("protocol", leaf(number(0, 255))),
		one("alg", leaf(number(0, 255))), one("pubKey", leaf(isBase64)))
	dsRecordShape = seq(
		one("keyTag", leaf(number(0, 65535))), one("alg", leaf(number(0, 255))),
		one("digestType", leaf(number(0, 255))), one("digest", leaf(isHex)), maybe("keyData", keyShape))
	dsOrKey = &shape{
		kids: []slot{
			maybe("maxSigLife", leaf(number(1, 1<<31-1))), many("dsData", dsRecordShape), many("keyData", keyShape),
		},
		also: func(n *node) *fault {
			ds, keys := len(n.children("dsData")), len(n.children("keyData"))
			if ds > 0 && keys > 0 {
				return &fault{codeSyntax, "dsData and keyData together"}
			}
			if ds+keys == 0 {
				return &fault{codeMissing, "dsData"}
			}
			return nil
		},
	}
)

// carrier is a command around one element of an object's namespace.
func carrier(attrs ...attrIs) *shape { return &shape{carries: true, attrs: attrs} }
