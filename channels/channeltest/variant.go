package channeltest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Variant is a message in which one field is other than usual.
type Variant struct {
	Field string // its path, as in amount.total
	How   string // "absent", "null", "of another type: []", …
	Body  []byte
}

// Variants are a JSON object with one field at a time absent, null, empty, of
// each other type, written in capitals, and there twice. Other fields stay as
// they are. Fields of objects within the object have their turn too.
func Variants(message []byte) []Variant {
	decoder := json.NewDecoder(bytes.NewReader(message))
	decoder.UseNumber()
	var whole map[string]any
	if err := decoder.Decode(&whole); err != nil {
		panic("channeltest: the message is not a JSON object")
	}
	var all []Variant
	vary(whole, "", func(field, how string) {
		all = append(all, Variant{field, how, encode(whole)})
	})
	return all
}

// twice marks the name of a field that stands for the second of two.
const twice = "\u200b"

// vary changes one field of an object at a time, says so, and puts it back.
func vary(o map[string]any, path string, tell func(field, how string)) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		field, value := path+name, o[name]
		put := func(how string, other any) {
			o[name] = other
			tell(field, how)
			o[name] = value
		}
		delete(o, name)
		tell(field, "absent")
		o[strings.ToUpper(name)] = value
		tell(field, "in capitals")
		delete(o, strings.ToUpper(name))
		o[name] = value
		for _, second := range []any{value, "other", json.Number("7")} {
			o[name+twice] = second
			tell(field, "there twice")
			delete(o, name+twice)
		}
		put("null", nil)
		for _, other := range []any{"", "odd", json.Number("0"), json.Number("-1"), json.Number("1.5"), json.Number("1e400"), true, []any{}, []any{json.Number("1")}, map[string]any{}} {
			switch {
			case kind(other) != kind(value):
				put("of another type: "+string(encode(other)), other)
			case other == "":
				put("empty", other)
			case other != "odd" && kind(other) == "number":
				put("out of range: "+string(encode(other)), other)
			}
		}
		if inner, ok := value.(map[string]any); ok {
			vary(inner, field+".", tell)
		}
	}
}

func kind(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case json.Number:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "null"
}

func encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.ReplaceAll(bytes.TrimSpace(out.Bytes()), []byte(twice), nil)
}
