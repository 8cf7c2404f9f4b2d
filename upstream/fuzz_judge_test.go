package upstream

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"

	"eppmux/frame"
)

// The judge reads what a registry sends with encoding/xml and regular expressions alone, so that it
// can judge what we make of it with the scanner.

// verdict is what the octets are that a registry has sent since the last command.
type verdict uint8

const (
	heardNothing verdict = iota
	heardPart            // the beginning of an answer
	heardAnswer          // the answer, and nothing behind it
	heardLast            // the same, with a code that ends the session
	heardOdd             // anything else
	// one message of which encoding/xml knows nothing: UTF-16, names of the fifth edition, or an answer
	// that is no good XML and has a code and no id but its command's, or may be a greeting
	heardUnsure
)

// element is where an element stands in a payload.
type element struct {
	start, content, to, end int
	value                   string
	parent                  bool // has element children
}

// judged is what encoding/xml has to say of a message.
type judged struct {
	kind string
	code string
	id   *element   // clTRID of a response
	past []*element // clTRIDs in a response's paTRIDs
	msg  []*element // of results
}

var (
	errWide  = errors.New("utf-16")
	codeForm = regexp.MustCompile(`^[1-9][0-9]{3}$`)
	muxForm  = regexp.MustCompile(`^M[0-9A-HJKMNP-TV-Z]{13}(-|$)`)
)

func isMux(id string) bool { return len(id) <= 64 && muxForm.MatchString(id) }

// cutUnit takes the first data unit's payload from octets; size is what its header says, 0 without
// one.
func cutUnit(b []byte) (payload []byte, size int) {
	if len(b) < 4 {
		return nil, 0
	}
	size = int(binary.BigEndian.Uint32(b))
	if size < 5 || len(b) < size {
		return nil, size
	}
	return b[4:size], size
}

// judge holds what was heard against the command that was written, whose muxTRID is id: empty where
// it has none. named says that an answer before had the muxTRID of its command.
func judge(heard []byte, wrote, id string, named bool, limit int) verdict {
	payload, size := cutUnit(heard)
	switch {
	case len(heard) == 0:
		return heardNothing
	case wrote == "":
		return heardOdd
	case len(heard) < 4:
		return heardPart
	case size < 5 || size-4 > limit:
		return heardOdd
	case payload == nil:
		return heardPart
	case len(heard) > size:
		return heardOdd
	}
	return judgePayload(payload, wrote, id, named)
}

// answers says whether a verdict is on an answer, as far as the judge can tell.
func (v verdict) answers() bool { return v >= heardAnswer && v != heardOdd }

// spoke says what the message is with which the octets heard begin; heardPart when it is not whole.
func spoke(heard []byte, wrote, id string, named bool, limit int) verdict {
	payload, size := cutUnit(heard)
	if payload == nil || size-4 > limit {
		return heardPart
	}
	return judgePayload(payload, wrote, id, named)
}

func judgePayload(payload []byte, wrote, id string, named bool) verdict {
	m, err := readJudged(payload)
	switch {
	case errors.Is(err, errWide):
		return heardUnsure
	case err != nil, refused(payload):
		return judgeBroken(payload, wrote, id)
	case strings.Contains(wrote, "<hello/>"):
		if m.kind == "greeting" {
			return heardAnswer
		}
	case m.kind == "response" && codeForm.MatchString(m.code):
		switch {
		case m.id == nil && named && id != "" && !strings.Contains("2000 2001 2002 2003 2004 2005", m.code) && !strings.Contains(wrote, "<logout/>"):
		case m.hasID() && isAnothers(m.id.value, id):
		case m.code[1] == '5' || strings.Contains(wrote, "<login>") && m.code[0] != '1':
			return heardLast
		default:
			return heardAnswer
		}
	}
	return heardOdd
}

var (
	brokenCode = regexp.MustCompile(`<(?:[^\s<>]*:)?result\s[^<>]*code\s*=\s*["']([1-9][0-9]{3})["']`)
	brokenID   = regexp.MustCompile(`<(?:[^\s<>]*:)?trID[^<>]*>[^<]*<(?:[^\s<>]*:)?clTRID[^<>]*>\s*([^<\s]+)\s*<`)
)

// judgeBroken judges an answer that is no good XML, as far as can be told by looking for its code and
// for its id.
func judgeBroken(payload []byte, wrote, id string) verdict {
	if strings.Contains(wrote, "<hello/>") { // a greeting may be mended
		if bytes.Contains(payload, []byte("greeting")) {
			return heardUnsure
		}
		return heardOdd
	}
	m := brokenID.FindSubmatch(payload)
	if !brokenCode.Match(payload) || m != nil && id != "" && !bytes.Contains(payload, []byte(id)) {
		return heardOdd
	}
	return heardUnsure
}

var (
	anyHead  = regexp.MustCompile(`^M[0-9A-HJKMNP-TV-Z]*$`)
	anyMuxID = regexp.MustCompile(`^M[0-9A-HJKMNP-TV-Z]{13}(-|$)`)
)

// isAnothers says whether value is the muxTRID of a command other than that of id, or what was made of
// it: of another case, or cut.
func isAnothers(value, id string) bool {
	value, id = strings.ToUpper(value), strings.ToUpper(id)
	head := value[:min(len(value), tridHead)]
	switch {
	case id != "" && strings.HasPrefix(id, head):
		return false
	case anyMuxID.MatchString(value):
		return true
	}
	return len(id) > 3 && strings.HasPrefix(value, id[:3]) && anyHead.MatchString(head)
}

// hasID says whether the response has a clTRID.
func (m *judged) hasID() bool { return m.id != nil && m.id.value != "" }

// refused is the scanner's opinion, which its own tests judge: it refuses more than encoding/xml.
func refused(payload []byte) bool {
	_, err := new(frame.Scanner).Scan(payload)
	return err != nil
}

// rejection is what an answer means by which the command was not executed.
type rejection uint8

const (
	noRejection rejection = iota
	lostLogin             // the session has lost its login
	tooFast               // the registry wants fewer commands; if the account is told so
)

// rejects says whether the answer to the command that was written is a rejection. Words that are the
// command's own do not count.
func (m *judged) rejects(throttled bool, wrote string) rejection {
	words := ""
	if len(m.msg) > 0 {
		words = strings.ToLower(m.msg[0].value)
	}
	says := func(text string) bool {
		return strings.Contains(words, text) && !strings.Contains(strings.ToLower(wrote), text)
	}
	switch {
	case strings.Contains("2002 2200 2201", m.code) && says("not logged in"), strings.Contains("2002 2201", m.code) && says("session expired"):
		return lostLogin
	case throttled && (m.code == "2502" || m.code == "2400" && says("too fast")):
		return tooFast
	}
	return noRejection
}

// readJudged reads a payload.
func readJudged(payload []byte) (*judged, error) {
	if bytes.HasPrefix(payload, []byte("\xFE\xFF")) || bytes.HasPrefix(payload, []byte("\xFF\xFE")) || bytes.IndexByte(payload, 0) >= 0 {
		return nil, errWide
	}
	d := xml.NewDecoder(bytes.NewReader(payload))
	m := new(judged)
	type open struct {
		name xml.Name
		*element
	}
	var stack []open
	for {
		from := int(d.InputOffset())
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return m, nil
		case err != nil && strings.Contains(err.Error(), "invalid XML name"):
			// it has those of an older edition
			return nil, errWide
		case err != nil:
			return nil, err
		}
		at := int(d.InputOffset())
		switch token := token.(type) {
		case xml.StartElement:
			if len(stack) > 0 {
				stack[len(stack)-1].parent = true
			}
			stack = append(stack, open{token.Name, &element{start: from, content: at}})
			names := make([]string, len(stack))
			for i, o := range stack {
				names[i] = o.name.Local
				if i < 3 && o.name.Space != stack[0].name.Space {
					names[i] = "" // of no message of ours
				}
			}
			m.enter(names, token, stack[len(stack)-1].element)
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].value += string(token)
			}
		case xml.EndElement:
			e := stack[len(stack)-1]
			e.to, e.end = from, at
			e.value = strings.Join(strings.FieldsFunc(e.value, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }), " ")
			stack = stack[:len(stack)-1]
		}
	}
}

// enter takes note of an element by the names from the root down to it.
func (m *judged) enter(path []string, tag xml.StartElement, e *element) {
	switch where := strings.Join(path, "/"); {
	case len(path) == 2 && path[0] == "epp":
		m.kind = path[1]
	case where == "epp/response/result" && m.code == "":
		for _, a := range tag.Attr {
			if a.Name == (xml.Name{Local: "code"}) {
				m.code = a.Value
			}
		}
	case where == "epp/response/result/msg":
		m.msg = append(m.msg, e)
	case where == "epp/response/trID/clTRID":
		m.id = e
	case len(path) > 4 && (strings.HasPrefix(where, "epp/response/resData/") || strings.HasPrefix(where, "epp/response/extension/")) &&
		strings.HasSuffix(where, "/paTRID/clTRID") && !slices.Contains(path[3:len(path)-1], "clTRID"):
		m.past = append(m.past, e)
	}
}

// restored is the data unit that a client must get for an answer: its own clTRID in place of ours,
// or none if it sent none, and the same for ids of the past; every other octet as it came. own is
// the content of its clTRID; kept are the contents that went with a muxTRID which does not hold
// them. An id of the past stays where the answer would become too long by it.
func (m *judged) restored(payload []byte, hasID bool, own string, kept map[string]string) []byte {
	type edit struct {
		from, to int
		with     string
	}
	var edits []edit
	size := len(payload)
	put := func(from, to int, with string, limit int) {
		if grown := size + len(with) - (to - from); grown <= limit || grown <= size {
			size, edits = grown, append(edits, edit{from, to, with})
		}
	}
	switch e := m.id; {
	case e == nil || !hasID:
	case own == "":
		put(e.start, e.end, "", math.MaxInt)
	case e.content == e.end: // "<clTRID/>"
		name := string(payload[e.start+1 : e.end-2])
		put(e.end-2, e.end, ">"+own+"</"+name[:strings.IndexAny(name+" ", " \t\r\n")]+">", math.MaxInt)
	default:
		put(e.content, e.to, own, math.MaxInt)
	}
	for _, e := range m.past {
		content, known := kept[e.value]
		switch {
		case e.parent || !isMux(e.value):
		case len(e.value) == tridHead:
			put(e.start, e.end, "", rigResponse)
		case len(e.value) > tridHead+1:
			put(e.content, e.to, e.value[tridHead+1:], rigResponse)
		case known:
			put(e.content, e.to, content, rigResponse)
		}
	}
	slices.SortFunc(edits, func(x, y edit) int { return y.from - x.from })
	out := string(payload)
	for _, e := range edits { // the last first, so that offsets stay
		out = out[:e.from] + e.with + out[e.to:]
	}
	return append(frame.AppendHeader(nil, len(out)), out...)
}
