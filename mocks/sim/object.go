package sim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Object is a JSON object whose members keep their order, so that a gateway can
// send one shape of a message today and another one tomorrow.
type Object []Member

// Member is one name of an object with its value.
type Member struct {
	Name  string
	Value json.RawMessage
}

// ObjectOf reads JSON text. What is no object has no members.
func ObjectOf(text []byte) Object {
	dec := json.NewDecoder(bytes.NewReader(text))
	first, err := dec.Token()
	if err != nil || first != json.Delim('{') {
		return nil
	}
	var out Object
	for dec.More() {
		name, _ := dec.Token() // a broken text ends in the next Decode
		var value json.RawMessage
		err = dec.Decode(&value)
		if err != nil {
			return nil
		}
		out = append(out, Member{name.(string), value})
	}
	return out
}

// MarshalJSON writes the members as they stand.
func (o Object) MarshalJSON() ([]byte, error) { return o.Text(), nil }

// Text is the object as JSON. Unlike Go's usual output it leaves <, > and & as
// they are.
func (o Object) Text() []byte {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(plainJSON(m.Name))
		out.WriteByte(':')
		out.Write(m.Value)
	}
	out.WriteByte('}')
	return out.Bytes()
}

func plainJSON(v any) json.RawMessage {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return json.RawMessage("null") // only values of the gateways' tables come here
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

func (o Object) at(name string) int {
	return slices.IndexFunc(o, func(m Member) bool { return m.Name == name })
}

// Seen is a way in which a field has been seen: it gets the usual value, nil if
// the field is not there, and returns the one to send, or nil for none.
type Seen func(usual json.RawMessage) json.RawMessage

// Usual leaves a field as the documents have it.
func Usual(usual json.RawMessage) json.RawMessage { return usual }

// Absent leaves a field out.
func Absent(json.RawMessage) json.RawMessage { return nil }

// AsText puts a number, a list or an object into a text.
func AsText(usual json.RawMessage) json.RawMessage {
	if usual == nil || usual[0] == '"' {
		return usual
	}
	return plainJSON(string(usual))
}

// AsNumber takes the quotes off a text of digits.
func AsNumber(usual json.RawMessage) json.RawMessage {
	text, err := strconv.Unquote(string(usual))
	if err == nil && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return usual
}

// First is the first item of a list, without the list.
func First(usual json.RawMessage) json.RawMessage {
	var items []json.RawMessage
	err := json.Unmarshal(usual, &items)
	if err != nil || len(items) == 0 {
		return usual
	}
	return items[0]
}

// Value is always the same value, whether or not the field was there.
func Value(v any) Seen {
	return func(json.RawMessage) json.RawMessage { return plainJSON(v) }
}

// Oddity is a field that decides nothing, with the ways in which it is sent.
// Path is the names from the outside in, joined by dots. A list on the way
// stands for each of its items.
type Oddity struct {
	Path string
	Seen []Seen
}

// Vary sends each odd field in one of its ways.
func (o Object) Vary(dice *Dice, odd []Oddity) Object {
	for _, each := range odd {
		how := each.Seen[dice.Pick(len(each.Seen))]
		o = o.vary(strings.Split(each.Path, "."), how)
	}
	return o
}

func (o Object) vary(path []string, how Seen) Object {
	at := o.at(path[0])
	if len(path) > 1 {
		if at >= 0 {
			o[at].Value = varyInside(o[at].Value, path[1:], how)
		}
		return o
	}
	var usual json.RawMessage
	if at >= 0 {
		usual = o[at].Value
	}
	sent := how(usual)
	switch {
	case sent == nil && at >= 0:
		return slices.Delete(o, at, at+1)
	case sent == nil:
		return o
	case at >= 0:
		o[at].Value = sent
		return o
	}
	return append(o, Member{path[0], sent})
}

func varyInside(value json.RawMessage, path []string, how Seen) json.RawMessage {
	if len(value) == 0 || value[0] != '[' {
		inner := ObjectOf(value)
		if inner == nil {
			return value
		}
		return inner.vary(path, how).Text()
	}
	var items []json.RawMessage
	err := json.Unmarshal(value, &items)
	if err != nil {
		return value
	}
	for i := range items {
		items[i] = varyInside(items[i], path, how)
	}
	return plainJSON(items)
}

// Shuffle puts the members into another order.
func (o Object) Shuffle(dice *Dice) Object {
	dice.Shuffle(len(o), func(i, j int) { o[i], o[j] = o[j], o[i] })
	return o
}
