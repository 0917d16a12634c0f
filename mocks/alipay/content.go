package alipay

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// content is a biz_content that is being read. wrong is the first field that
// was not as it should be.
type content struct {
	values map[string]any
	wrong  string
}

// suspicious are words that make a value look like smuggled parameters.
var suspicious = []string{"out_trade_no", "total_fee"}

// content parses biz_content. An empty text or a null counts as absent; a field
// that is not known is ignored.
func (c *call) content() (*content, *refusal) {
	in := &content{values: map[string]any{}}
	if c.params["biz_content"] == "" {
		return in, nil
	}
	text, err := toText(c.charset, c.params["biz_content"])
	if err != nil {
		return nil, refuse("40002", "isv.illegal-json", "非法的 JSON")
	}
	dec := json.NewDecoder(strings.NewReader(text))
	err = dec.Decode(&in.values)
	if err == nil {
		_, err = dec.Token() // nothing may follow
	}
	if !errors.Is(err, io.EOF) || in.values == nil {
		return nil, refuse("40002", "isv.illegal-json", "非法的 JSON")
	}
	maps.DeleteFunc(in.values, func(_ string, value any) bool { return value == "" || value == nil })
	for _, value := range in.values {
		text, _ := value.(string)
		if slices.ContainsFunc(suspicious, func(word string) bool { return strings.Contains(text, word) }) {
			return nil, refuse("40002", "isv.suspected-attack", "可疑的攻击请求")
		}
	}
	return in, nil
}

// text is a field of at most limit characters; "" if there is none.
func (in *content) text(name string, limit int) string {
	value, present := in.values[name]
	if !present {
		return ""
	}
	text, isText := value.(string)
	if !isText || utf8.RuneCountInString(text) > limit {
		in.complain(name)
		return ""
	}
	return text
}

// orElse fills a field in that is absent.
func (in *content) orElse(name, value string) {
	if in.values[name] == nil {
		in.values[name] = value
	}
}

// flags is a list of texts, as a set.
func (in *content) flags(name string) map[string]bool {
	set := map[string]bool{}
	list, isList := in.values[name].([]any)
	if !isList && in.values[name] != nil {
		in.complain(name)
	}
	for _, item := range list {
		text, isText := item.(string)
		if !isText {
			in.complain(name)
		}
		set[text] = true
	}
	return set
}

func (in *content) complain(name string) {
	if in.wrong == "" {
		in.wrong = name
	}
}

// need complains of a field unless it is right.
func (in *content) need(right bool, name string) {
	if !right {
		in.complain(name)
	}
}
