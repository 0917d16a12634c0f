package wechatpay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"
)

// shape is the JSON type that a field must have.
type shape int

const (
	text shape = iota
	whole
	flag
	object
	list  // of objects
	texts // a list of texts
)

// shapeNames are for error messages.
var shapeNames = map[shape]string{text: "字符串", whole: "64 位有符号整数", flag: "布尔值", object: "对象", list: "数组", texts: "字符串数组"}

// field is one line of a document's parameter table. Lengths count characters,
// not bytes; a required text has at least one.
type field struct {
	name     string
	shape    shape
	required bool
	min, max int
	fields   []field                // of an object, or of each object in a list
	check    func(value any) string // what is wrong with the value; "" is nothing
	always   bool                   // check is no matter of BFieldLimits
}

// decode reads one JSON object, keeping numbers as they were written.
func decode(body []byte) (map[string]any, *refusal) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var tree map[string]any
	err := dec.Decode(&tree)
	if err == nil {
		_, err = dec.Token() // nothing may follow
	}
	if err != io.EOF || tree == nil || !utf8.Valid(body) {
		return nil, refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", "请求报文不是合法的 JSON 对象")
	}
	return tree, nil
}

// checker holds requests against parameter tables. The real one is strict about
// both.
type checker struct{ types, limits bool }

// read decodes a request, holds it against a table, puts it into a struct and
// returns a form of it that compares.
func (s *Sim) read(raw []byte, table []field, into any) (string, *refusal) {
	tree, wrong := decode(raw)
	if wrong != nil {
		return "", wrong
	}
	k := checker{types: s.does(BFieldTypes), limits: s.does(BFieldLimits)}
	wrong = k.checkObject("", table, tree)
	if wrong != nil {
		return "", wrong
	}
	err := json.Unmarshal(raw, into)
	if err != nil {
		return "", refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", "请求报文有误")
	}
	// Go sorts the keys of maps, so the order and the spaces of the original
	// make no difference to "the same parameters".
	return string(encode(tree)), nil
}

// checkObject holds tree against the table. A field that is not in it is an
// error, and so is null: leave out what is not needed.
func (k checker) checkObject(path string, table []field, tree map[string]any) *refusal {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		at := slices.IndexFunc(table, func(f field) bool { return f.name == name })
		if at < 0 {
			if !k.types {
				continue
			}
			return wrongField(numberUnknownField, path+"/"+name, nil, "多余的字段")
		}
		r := k.checkValue(path+"/"+name, table[at], tree[name])
		if r != nil {
			return r
		}
	}
	for _, f := range table {
		_, present := tree[f.name]
		if f.required && !present {
			return wrongField(numberParam, path+"/"+f.name, nil, "缺少必填的字段")
		}
	}
	return nil
}

func (k checker) checkValue(path string, f field, value any) *refusal {
	if !hasShape(f.shape, value) {
		if !k.types {
			return nil
		}
		return wrongField(numberParam, path, value, "此字段须为"+shapeNames[f.shape])
	}
	if chars, ok := value.(string); ok && k.limits {
		n := utf8.RuneCountInString(chars)
		if n < f.min || n > f.max {
			return wrongField(numberRange, path, value, fmt.Sprintf("长度须为 %d 至 %d 个字符", f.min, f.max))
		}
	}
	if f.check != nil && (k.limits || f.always) {
		issue := f.check(value)
		if issue != "" {
			return wrongField(numberParam, path, value, issue)
		}
	}
	return k.checkInside(path, f, value)
}

func (k checker) checkInside(path string, f field, value any) *refusal {
	switch inner := value.(type) {
	case map[string]any:
		return k.checkObject(path, f.fields, inner)
	case []any:
		for i, item := range inner {
			each := field{shape: object, fields: f.fields}
			if f.shape == texts {
				each = field{shape: text, min: 1, max: 32}
			}
			r := k.checkValue(path+"/"+strconv.Itoa(i), each, item)
			if r != nil {
				return r
			}
		}
	}
	return nil
}

func hasShape(want shape, value any) bool {
	switch v := value.(type) {
	case string:
		return want == text
	case json.Number:
		_, err := v.Int64()
		return want == whole && err == nil
	case bool:
		return want == flag
	case map[string]any:
		return want == object
	case []any:
		return want == list || want == texts
	}
	return false
}

func wrongField(number int, path string, value any, issue string) *refusal {
	r := refuse(http.StatusBadRequest, number, "PARAM_ERROR", "参数错误："+path+" "+issue)
	r.Detail = &fieldDetail{Field: path, Value: value, Issue: issue, Location: "body"}
	return r
}
