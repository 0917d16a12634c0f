package field

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// Object is the wanted fields of a JSON object, by name. A field that is null
// counts as missing. One that stands there twice has no value of any type: two
// readers of the same text could believe different ones. The zero Object has no
// fields.
type Object struct {
	names  []string
	values []value // by the place of the name
}

type value struct {
	gjson.Result
	times int
}

// Parse reads the named fields of a JSON object. Names are compared letter by
// letter.
func Parse(text []byte, names ...string) (Object, error) {
	if !gjson.ValidBytes(text) {
		return Object{}, errors.New("not JSON")
	}
	return read(gjson.ParseBytes(text), names)
}

// read reads the named fields of what is known to be JSON.
func read(whole gjson.Result, names []string) (Object, error) {
	if !whole.IsObject() {
		return Object{}, errors.New("not a JSON object")
	}
	o := Object{names, make([]value, len(names))}
	whole.ForEach(func(name, found gjson.Result) bool {
		if i := slices.Index(names, name.Str); i >= 0 {
			o.values[i].Result = found
			o.values[i].times++
		}
		return true
	})
	return o, nil
}

// field is a field by its name; the zero value if it is missing.
func (o Object) field(name string) value {
	i := slices.Index(o.names, name)
	if i < 0 || o.values[i].times == 1 && o.values[i].Type == gjson.Null {
		return value{}
	}
	return o.values[i]
}

// Has says whether a field is there with a value.
func (o Object) Has(name string) bool { return o.field(name).times > 0 }

// Raw is a field as it stands there, and empty for one that is missing.
func (o Object) Raw(name string) string { return o.field(name).Raw }

// Text is a field that is a string, and empty for one that is missing.
func (o Object) Text(name string) (string, error) {
	f := o.field(name)
	if f.times > 0 && (f.times > 1 || f.Type != gjson.String) {
		return "", fmt.Errorf("%s is not one text", name)
	}
	return f.Str, nil
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
	f := o.field(name)
	if f.times == 0 {
		return 0, fmt.Errorf("%s is missing", name)
	}
	n, err := strconv.ParseInt(f.Raw, 10, 64)
	if err != nil || f.times > 1 || f.Type != gjson.Number {
		return 0, fmt.Errorf("%s is not one whole number", name)
	}
	return n, nil
}

// Object is the named fields of a field that is an object itself, and the zero
// Object for one that is missing.
func (o Object) Object(name string, names ...string) (Object, error) {
	f := o.field(name)
	if f.times == 0 {
		return Object{}, nil
	}
	if f.times > 1 {
		return Object{}, fmt.Errorf("%s is not one object", name)
	}
	inner, err := read(f.Result, names)
	if err != nil {
		return Object{}, fmt.Errorf("%s: %w", name, err)
	}
	return inner, nil
}
