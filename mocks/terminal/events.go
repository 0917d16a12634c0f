package terminal

import (
	"bufio"
	"strings"
)

// kindDefault is the kind of an event that says none.
const kindDefault = "message"

// events reads server-sent events, as the HTML standard has them (9.2.6,
// interpreting an event stream).
type events struct {
	from *bufio.Reader
	id   string // of the newest event that had one
	cr   bool   // the last line ended with a carriage return
}

// next is the next event with data, which may be empty. One that is not ended by a
// blank line is none.
func (e *events) next() (id, kind, data string, err error) {
	var all []string
	for {
		line, err := e.line()
		if err != nil {
			return "", "", "", err
		}
		if line == "" {
			if all == nil {
				kind = ""
				continue
			}
			if kind == "" {
				kind = kindDefault
			}
			return e.id, kind, strings.Join(all, "\n"), nil
		}
		field, value, _ := strings.Cut(line, ":") // a comment is a field without a name
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			if !strings.Contains(value, "\x00") {
				e.id = value
			}
		case "event":
			kind = value
		case "data":
			all = append(all, value)
		}
	}
}

// line is the next line without its end, which is LF, CR or both.
func (e *events) line() (string, error) {
	var line []byte
	for {
		b, err := e.from.ReadByte()
		if err != nil {
			return "", err
		}
		second := e.cr && b == '\n'
		e.cr = b == '\r'
		switch {
		case second:
		case b == '\n' || b == '\r':
			return string(line), nil
		default:
			line = append(line, b)
		}
	}
}
