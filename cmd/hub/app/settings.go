package app

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// examination compares what a file and the environment say with the settings that
// there are. It takes out what cannot be used, so that the rest can be looked at too.
type examination struct {
	problems problems
	// source names the environment variable that a setting comes from.
	source map[string]string
}

// wrong notes what is wrong with a setting, and where it was set if not in the file.
func (e *examination) wrong(setting, format string, args ...any) {
	from := ""
	if name := e.source[setting]; name != "" {
		from = " (" + name + ")"
	}
	e.problems.add(setting, "%s%s", from, fmt.Sprintf(format, args...))
}

// fields are the settings of a group: their types by name.
func fields(group reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for field := range group.Fields() {
		if name := field.Tag.Get("koanf"); name != "" {
			all[name] = field.Type
		}
	}
	return all
}

func dotted(group, name string) string {
	if group == "" {
		return name
	}
	return group + "." + name
}

// group looks at the settings of a group.
func (e *examination) group(name string, t reflect.Type, values map[string]any) {
	known := fields(t)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		full := dotted(name, key)
		of, ok := known[key]
		switch {
		case !ok:
			e.wrong(full, " is not a setting%s", meant(name, key, known))
			delete(values, key)
		case !e.value(full, of, values[key]):
			delete(values, key)
		}
	}
}

// meant says what somebody may have meant by a name that is no setting. Its value is
// not shown: it may be a secret that wanted to be a file.
func meant(group, key string, known map[string]reflect.Type) string {
	siblings := slices.Sorted(maps.Keys(known))
	if near := Nearest(key, siblings); len(near) > 0 {
		for i := range near {
			near[i] = dotted(group, near[i])
		}
		return "; " + DidYouMean(dotted(group, key), near)
	}
	var elsewhere []string
	for name := range every(reflect.TypeFor[Config](), "") {
		if name == key || strings.HasSuffix(name, "."+key) {
			elsewhere = append(elsewhere, name)
		}
	}
	switch {
	case slices.Contains(elsewhere, key) && strings.Contains(key, "."):
		group, setting, _ := strings.Cut(key, ".")
		return fmt.Sprintf("; in YAML it is written %s: {%s: …}", group, setting)
	case len(elsewhere) > 0:
		return "; did you mean " + strings.Join(elsewhere, " or ") + "?"
	case group == "":
		return ""
	}
	return "; " + group + " has " + strings.Join(siblings, ", ")
}

// every are the full names of all settings below a type, groups included.
func every(t reflect.Type, group string) iter.Seq[string] {
	return func(yield func(string) bool) {
		all := fields(t)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if !yield(dotted(group, name)) {
				return
			}
			if all[name].Kind() != reflect.Struct {
				continue
			}
			for inner := range every(all[name], dotted(group, name)) {
				if !yield(inner) {
					return
				}
			}
		}
	}
}

// value says whether a value can be what the setting is.
func (e *examination) value(name string, t reflect.Type, value any) bool {
	if value == nil {
		return true // nothing is written there: the default stays
	}
	inner, isGroup := asGroup(value)
	list, isList := value.([]any)
	switch {
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		if !isGroup {
			e.wrong(name, ": it is a group of settings, and not one value")
			return false
		}
		if t.Kind() == reflect.Struct {
			e.group(name, t, inner)
			return true
		}
		for _, key := range slices.Sorted(maps.Keys(inner)) {
			if !e.value(dotted(name, key), t.Elem(), inner[key]) {
				delete(inner, key)
			}
		}
		return true
	case isGroup:
		e.wrong(name, " is one setting, and not a group")
		return false
	case t.Kind() == reflect.Slice:
		return e.list(name, t.Elem(), value, list, isList)
	case isList:
		e.wrong(name, " is one value, and not a list")
		return false
	}
	return e.scalar(name, t, value)
}

// list looks at each element. One value is a list of one, and text is separated by
// commas.
func (e *examination) list(name string, of reflect.Type, value any, list []any, isList bool) bool {
	if !isList {
		if of.Kind() == reflect.Struct {
			e.wrong(name, ": it is a list of groups, and not one value")
			return false
		}
		return e.scalar(name, of, value)
	}
	good := true
	for i, one := range list {
		good = e.value(fmt.Sprintf("%s[%d]", name, i), of, one) && good
	}
	return good
}

// scalar says whether a value can be read as the type.
func (e *examination) scalar(name string, t reflect.Type, value any) bool {
	text, isText := value.(string)
	switch {
	case t == reflect.TypeFor[time.Duration]():
		if isText {
			_, err := time.ParseDuration(text)
			if err == nil {
				return true
			}
		}
		e.wrong(name, ": %s is not a length of time, such as 90s or 15m", shown(value))
		return false
	case t.Kind() == reflect.Bool:
		_, isBool := value.(bool)
		if isText {
			_, err := strconv.ParseBool(text)
			isBool = err == nil
		}
		if !isBool {
			e.wrong(name, ": %s is neither true nor false", shown(value))
		}
		return isBool
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		if isText {
			_, err := strconv.ParseInt(text, 10, 64)
			if err == nil {
				return true
			}
		}
		if whole(value) {
			return true
		}
		e.wrong(name, ": %s is not a whole number", shown(value))
		return false
	}
	return e.text(name, value)
}

// text says whether YAML has left a text as it was written. It takes 12E34 for a
// number and yes for true.
func (e *examination) text(name string, value any) bool {
	_, fraction := value.(float64)
	_, truth := value.(bool)
	if truth || fraction && !strings.HasSuffix(name, "_yuan") {
		e.wrong(name, ": YAML reads it as %s; put it in quotes", shown(value))
		return false
	}
	return true
}

// whole says whether a value of YAML is a whole number.
func whole(value any) bool {
	switch n := value.(type) {
	case int, int64, uint64:
		return true
	case float64:
		return n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	return false
}

func asGroup(value any) (map[string]any, bool) {
	group, ok := value.(map[string]any)
	return group, ok
}

// fileSetting is a setting that names a file, and the file.
type fileSetting struct{ name, path string }

// fileSettings are the files that a group names, those of groups within included.
// A channel without an app_id is not in use, and of its files only those of former
// merchants are needed.
func fileSettings(group string, v reflect.Value) []fileSetting {
	var all []fileSetting
	for field, value := range v.Fields() {
		tag := field.Tag.Get("koanf")
		name := dotted(group, tag)
		switch {
		case tag == "":
		case value.Kind() == reflect.Struct:
			id, former := value.FieldByName("AppID"), value.FieldByName("Former")
			if id.IsValid() && id.String() == "" {
				all = append(all, listedGroups(name+".former", former)...)
				continue
			}
			all = append(all, fileSettings(name, value)...)
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
			all = append(all, listedGroups(name, value)...)
		case strings.HasSuffix(tag, "_file") && value.Kind() == reflect.String:
			all = append(all, fileSetting{name, value.String()})
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.String:
			all = append(all, listedFiles(name, value.Interface().([]string))...)
		}
	}
	return slices.DeleteFunc(all, func(one fileSetting) bool { return one.path == "" })
}

// listedGroups are the files of a list of groups.
func listedGroups(name string, list reflect.Value) []fileSetting {
	var all []fileSetting
	for i := range list.Len() {
		all = append(all, fileSettings(fmt.Sprintf("%s[%d]", name, i), list.Index(i))...)
	}
	return all
}

// listedFiles are the files of a list: each element, or what stands behind ID=.
func listedFiles(name string, list []string) []fileSetting {
	var all []fileSetting
	for i, one := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		id, path, pair := strings.Cut(one, "=")
		switch {
		case strings.HasSuffix(name, "_files"):
			all = append(all, fileSetting{at, one})
		case strings.HasSuffix(name, "_keys") && pair && id != "":
			all = append(all, fileSetting{at, path})
		}
	}
	return all
}
