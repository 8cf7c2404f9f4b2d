package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// A personality is a client program of registrars as it behaves on the wire. What each program does
// was measured; it is made here from small habits that it shares with others.
type personality struct {
	name   string
	ids    idStyle
	habits habit
}

// habit is a set of habits. Without any: the XML of RFC 5730, one write for a frame, one command at
// a time in one session from login to logout, and answers taken however they are cut.
type habit uint64

// Of XML.
const (
	prefixNS0       habit = 1 << iota
	prefixBoth            // EPP's namespace declared as default and as epp
	defaultObjects        // no prefix for the elements of objects
	twiceDeclared         // the objects' namespace is default and has a prefix
	rootDeclares          // the root declares the namespaces of all objects, also for hello
	schemaLocation        // xsi:schemaLocation
	expandedTags          // <hello></hello>
	pretty                // indented
	crlf                  // line ends within the frame are CR LF
	newlineAtEnd          // behind the root, within the frame
	newlineAtStart        // before the root, within the frame
	noDeclaration         // no <?xml?>
	bareDeclaration       // <?xml version="1.0"?>
	standalone            // standalone="no"
	typedID               // xsi:type on clTRID
	latin1                // encoding="ISO-8859-1"
	longLogin             // of more than 1.5 KB
	foreignServices       // the login lists services that the registry does not have

	// Of writing.
	twoWrites    // header, then payload
	apart        // 20 ms between them
	octetwise    // one octet at a time
	cutAt1024    // octets
	twoAtOnce    // frames in one write
	eightAtOnce  // frames in one write
	earlyLogin   // sent before the greeting is read
	overTLS      // over TLS
	threeStreams // three connections at once, with the same clTRIDs

	// Of the order of things.
	helloFirst      // before each command
	helloAlone      // without a login
	helloInside     // inside command, with a clTRID
	connectionEach  // a connection, login and logout for each command
	noLogout        // closes
	noLogin         // commands at once
	secondLogin     // in a session
	threeInFlight   // answers are found by clTRID
	impatient       // gives up waiting and comes back without a login
	countsCharacter // not octets: the length of what is not ASCII is too small
	clumsy          // sends what no registry likes

	// Of what answers must be like.
	exactID   // another clTRID, or none, is an error
	anyOrNone // another clTRID is an error, none is not
	validates // against the schemas
	oneRead   // takes what one read gives for a whole frame
)

// habitWords are for people, in the order of the constants.
var habitWords = []struct {
	habit habit
	words string
}{
	{prefixNS0, "`ns0:` on every EPP element"},
	{prefixBoth, "EPP's namespace as default and as `epp:`"},
	{defaultObjects, "objects in a default namespace of their own"},
	{twiceDeclared, "objects' namespace declared twice"},
	{rootDeclares, "all namespaces on the root"},
	{schemaLocation, "`xsi:schemaLocation`"},
	{expandedTags, "expanded empty tags"},
	{pretty, "indented"},
	{crlf, "CR LF inside the frame"},
	{newlineAtEnd, "newline at the end"},
	{newlineAtStart, "newline at the start"},
	{noDeclaration, "no XML declaration"},
	{bareDeclaration, "XML declaration without encoding"},
	{standalone, "`standalone=\"no\"`"},
	{typedID, "`xsi:type` on clTRID"},
	{latin1, "declares ISO-8859-1"},
	{longLogin, "login of more than 1.5 KB"},
	{foreignServices, "login lists services that the registry does not have"},
	{twoWrites, "header and payload in two writes"},
	{apart, "20 ms between header and payload"},
	{octetwise, "one octet in a write"},
	{cutAt1024, "writes cut at 1024 octets"},
	{twoAtOnce, "two frames in a write"},
	{eightAtOnce, "eight frames in a write"},
	{earlyLogin, "login before the greeting is read"},
	{overTLS, "over TLS"},
	{threeStreams, "three sessions at once with the same clTRIDs"},
	{helloFirst, "hello before every command"},
	{helloAlone, "hello without login"},
	{helloInside, "hello inside `command`, with a clTRID"},
	{connectionEach, "a connection, login and logout for every command"},
	{noLogout, "closes without logout"},
	{noLogin, "no login"},
	{secondLogin, "second login in a session"},
	{threeInFlight, "three commands in flight, answers found by clTRID alone"},
	{impatient, "gives up waiting and comes back without login"},
	{countsCharacter, "header counts characters, not octets"},
	{clumsy, "sends malformed XML, an unknown command, an unknown protocol extension, a clTRID of 100 characters"},
	{exactID, "fails without its exact clTRID"},
	{anyOrNone, "fails on another clTRID"},
	{validates, "checks answers against the schema"},
	{oneRead, "takes one read for a frame"},
}

// needsOurs are habits that a registry does not allow, or does not know: they are possible through
// eppmux only.
const needsOurs = noLogin | impatient | foreignServices | longLogin | helloInside | countsCharacter | clumsy

func (h habit) has(any habit) bool { return h&any != 0 }

// String lists the habits in words.
func (p personality) String() string {
	words := []string{p.ids.words}
	for _, w := range habitWords {
		if p.habits.has(w.habit) {
			words = append(words, w.words)
		}
	}
	return strings.Join(words, "; ")
}

// personalities are the clients that were measured, and some that go further.
var personalities = []personality{
	{"Net::EPP 0.22", idHex40, newlineAtEnd | helloFirst | impatient},
	{"Net::EPP 0.28", idHex40, newlineAtEnd | overTLS},
	{"pepper", idHex40, newlineAtEnd},
	{"Net::DRI", idMicros, schemaLocation | overTLS},
	{"epptelnet", idFixed, newlineAtStart | newlineAtEnd | noDeclaration | twoAtOnce},
	{"metaregistrar", idHex13, expandedTags | rootDeclares | anyOrNone | overTLS},
	{"AfriCC", idHex13, pretty | standalone | cutAt1024},
	{"CentralNic php", idNone, bareDeclaration | overTLS},
	{"Namingo client", idMillis, pretty | schemaLocation | oneRead},
	{"fred-epplib", idHashTime, prefixNS0 | foreignServices | oneRead},
	{"fred-client", idHashTime, foreignServices | overTLS},
	{"pyepp", idNotAtEnds, pretty | crlf | twoWrites | foreignServices | oneRead},
	{"heppy", idCounted, noDeclaration | crlf | pretty | twoWrites | oneRead},
	{"DNS Africa", idFixed, twoWrites},
	{"python-epp-client", idFixed, crlf | newlineAtEnd | twoWrites | countsCharacter},
	{".AE toolkit", idSecond, overTLS},
	{"domainr/epp", idNone, twoWrites | noLogout},
	{"epp2", idCounted, noDeclaration | eightAtOnce},
	{"epp-go", idNone, pretty | twiceDeclared | twoWrites | foreignServices | overTLS},
	{"dotse", idCounted, twoWrites},
	{"Ruby Garside", idRestarts, schemaLocation | newlineAtEnd | helloAlone | connectionEach | countsCharacter},
	{"Ruby Absolight", idCounted, prefixBoth | helloInside | overTLS},
	{"namewiz", idMillis, pretty | earlyLogin | threeInFlight | exactID},
	{"Verisign SDK", idCounted, schemaLocation | validates | exactID},
	{"ARI toolkit", idSecond, defaultObjects | longLogin | threeStreams},
	{"EPP RTK", idMillis, noDeclaration},
	{"EppLib.NET", idNone, twoWrites | overTLS},

	{"octet by octet", idCounted, octetwise | prefixBoth},
	{"header first", idCounted, apart | secondLogin},
	{"no formalities", idNone, noLogin | noLogout},
	{"the old one", idCounted, latin1 | typedID | pretty},
	{"the clumsy one", idCounted, clumsy},
}

// checkPersonalities: names are there once, each habit has words, and somebody has it.
func checkPersonalities() error {
	var names []string
	var all habit
	for _, p := range personalities {
		if slices.Contains(names, p.name) {
			return fmt.Errorf("two personalities named %q", p.name)
		}
		names = append(names, p.name)
		all |= p.habits
	}
	for _, w := range habitWords {
		if !all.has(w.habit) {
			return fmt.Errorf("no personality has the habit %q", w.words)
		}
		all &^= w.habit
	}
	if all != 0 {
		return fmt.Errorf("habits %b have no words", all)
	}
	return nil
}
