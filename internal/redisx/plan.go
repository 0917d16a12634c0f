package redisx

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
)

// plan says where the values of KEYS or of ARGV stand in a call's struct.
type plan struct {
	single [][]int // index of the field, as reflect has it
	group  []int   // of the slice, nil without one
	parts  [][]int // within an element of the slice; nil where it is the value itself
}

// planned finds the fields of a call for the names of a head.
func planned(call reflect.Type, tag string, wanted names) (plan, error) {
	var p plan
	found, group := map[string][]int{}, map[string][]int{}
	var errs []error
	if call.Kind() != reflect.Struct {
		return p, fmt.Errorf("%s is no struct", call)
	}
	var walk func(t reflect.Type, at []int, into map[string][]int)
	walk = func(t reflect.Type, at []int, into map[string][]int) {
		for i := range t.NumField() {
			f := t.Field(i)
			here := append(slices.Clone(at), i)
			name, tagged := f.Tag.Lookup(tag)
			switch {
			case f.Tag.Get("group") == tag && f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				p.group = here
				walk(f.Type.Elem(), nil, group)
			case tagged && f.Type.Kind() == reflect.Slice && sendable(f.Type.Elem()):
				p.group, group[name] = here, nil
			case tagged && !sendable(f.Type):
				errs = append(errs, fmt.Errorf("field %s: a %s cannot be sent", f.Name, f.Type))
			case tagged && into[name] != nil:
				errs = append(errs, fmt.Errorf("field %s: a second %s", f.Name, name))
			case tagged:
				into[name] = here
			case f.Type.Kind() == reflect.Struct && f.Tag == "":
				walk(f.Type, here, into)
			}
		}
	}
	walk(call, nil, found)
	missing := func(list []string, in map[string][]int) (at [][]int) {
		for _, name := range list {
			index, ok := in[name]
			if !ok {
				errs = append(errs, fmt.Errorf("%s has no field for the %s %s", call, tag, name))
			}
			at = append(at, index)
			delete(in, name)
		}
		for name := range in {
			errs = append(errs, fmt.Errorf("%s has a field for the %s %s, which the head does not have", call, tag, name))
		}
		return at
	}
	p.single, p.parts = missing(wanted.single, found), missing(wanted.group, group)
	return p, errors.Join(errs...)
}

func sendable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Int64, reflect.Int32, reflect.Bool:
		return true
	}
	return false
}

// values are the call's values in the order of the head.
func (p *plan) values(call reflect.Value) []string {
	all := make([]string, 0, len(p.single))
	for _, at := range p.single {
		all = append(all, sent(call.FieldByIndex(at)))
	}
	if p.group == nil {
		return all
	}
	list := call.FieldByIndex(p.group)
	for i := range list.Len() {
		for _, at := range p.parts {
			if at == nil {
				all = append(all, sent(list.Index(i)))
			} else {
				all = append(all, sent(list.Index(i).FieldByIndex(at)))
			}
		}
	}
	return all
}

func sent(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		if v.Bool() {
			return "1"
		}
		return ""
	default:
		return strconv.FormatInt(v.Int(), 10)
	}
}

// formed finds the fields of a reply's struct for the forms of a head.
func formed(answer reflect.Type, replies []reply) ([]form, error) {
	if answer.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct", answer)
	}
	fields, lists, used := map[string][]int{}, map[string][]int{}, map[string]bool{}
	var errs []error
	var walk func(t reflect.Type, at []int)
	walk = func(t reflect.Type, at []int) {
		for i := range t.NumField() {
			f := t.Field(i)
			here := append(slices.Clone(at), i)
			name, tagged := f.Tag.Lookup("reply")
			switch {
			case tagged && f.Type.Kind() == reflect.String:
				fields[name] = here
			case tagged && f.Type == reflect.TypeFor[[]string]():
				lists[name] = here
			case tagged:
				errs = append(errs, fmt.Errorf("field %s: a %s takes no reply", f.Name, f.Type))
			case f.Type.Kind() == reflect.Struct:
				walk(f.Type, here)
			}
		}
	}
	walk(answer, nil)
	tag, ok := answer.FieldByName("Tag")
	if len(replies) > 0 && replies[0].tag != "" && (!ok || tag.Type.Kind() != reflect.String) {
		errs = append(errs, fmt.Errorf("%s has no Tag", answer))
	}
	var all []form
	for _, r := range replies {
		f := form{reply: r, tagAt: tag.Index}
		for _, name := range r.values {
			if used[name] = true; fields[name] == nil {
				errs = append(errs, fmt.Errorf("%s has no field for %s of the reply %s", answer, name, r))
			}
			f.fields = append(f.fields, fields[name])
		}
		if r.list != "" {
			if used[r.list] = true; lists[r.list] == nil {
				errs = append(errs, fmt.Errorf("%s has no list for %s of the reply %s", answer, r.list, r))
			}
			f.list = lists[r.list]
		}
		all = append(all, f)
	}
	for _, in := range []map[string][]int{fields, lists} {
		for name := range in {
			if !used[name] {
				errs = append(errs, fmt.Errorf("%s has a field for %s, which no reply has", answer, name))
			}
		}
	}
	return all, errors.Join(errs...)
}
