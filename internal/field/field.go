package field

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Object is the wanted fields of a JSON object, by name. A field that is null
// counts as missing. One that stands there twice has no value of any type: two
// readers of the same text could believe different ones. The zero Object has no
// fields.
type Object map[string]json.RawMessage

// Parse reads the named fields of a JSON object. Names are compared letter by
// letter.
func Parse(text []byte, names ...string) (Object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	open, err := decoder.Token()
	if err != nil || open != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	fields := Object{}
	for decoder.More() {
		if !fields.next(decoder, names) {
			return nil, errors.New("not a JSON object")
		}
	}
	_, err = decoder.Token() // the closing brace
	if err != nil {
		return nil, errors.New("not a JSON object")
	}
	_, err = decoder.Token()
	if !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON object")
	}
	return fields, nil
}

// next reads one field, and keeps it if it is wanted. False says that the text is
// not JSON.
func (o Object) next(decoder *json.Decoder, names []string) bool {
	token, err := decoder.Token()
	if err != nil {
		return false
	}
	var value json.RawMessage
	if decoder.Decode(&value) != nil {
		return false
	}
	name, _ := token.(string)
	if !slices.Contains(names, name) {
		return true
	}
	if _, twice := o[name]; twice {
		value = nil // no JSON, so every way to read it fails
	}
	o[name] = value
	return true
}

// Has says whether a field is there with a value.
func (o Object) Has(name string) bool {
	value, there := o[name]
	return there && string(value) != "null"
}

// Text is a field that is a string, and empty for one that is missing.
func (o Object) Text(name string) (string, error) {
	if !o.Has(name) {
		return "", nil
	}
	var text string
	if json.Unmarshal(o[name], &text) != nil {
		return "", fmt.Errorf("%s is not one text", name)
	}
	return text, nil
}

// Hint is Text for a field that decides nothing: one of another type is as good
// as missing.
func (o Object) Hint(name string) string {
	text, err := o.Text(name)
	if err != nil {
		return ""
	}
	return text
}

// Int is a field that is a whole number, written without fraction or exponent.
// A missing one is an error.
func (o Object) Int(name string) (int64, error) {
	if !o.Has(name) {
		return 0, fmt.Errorf("%s is missing", name)
	}
	n, err := strconv.ParseInt(string(o[name]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not one whole number", name)
	}
	return n, nil
}

// Object is the named fields of a field that is an object itself, and the zero
// Object for one that is missing.
func (o Object) Object(name string, names ...string) (Object, error) {
	if !o.Has(name) {
		return nil, nil
	}
	inner, err := Parse(o[name], names...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return inner, nil
}
