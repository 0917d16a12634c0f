package pos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"guodu/transition/pos"
)

// description is openapi.yaml as a validator of what goes over the wire. An
// OpenAPI 3.1 schema is a JSON Schema of draft 2020-12.
type description struct {
	operations map[string]map[string]any // "POST /pos/v1/taps" → operation
	document   any
	compiler   *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
}

const descriptionURL = "https://guodu.invalid/openapi.json"

var described = sync.OnceValues(func() (*description, error) {
	var tree any
	if err := yaml.Unmarshal(pos.OpenAPI(), &tree); err != nil {
		return nil, err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	d := &description{operations: map[string]map[string]any{}, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	d.document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(descriptionURL, d.document); err != nil {
		return nil, err
	}
	for path, item := range at[map[string]any](d.document, "paths") {
		for method, operation := range item.(map[string]any) {
			d.operations[strings.ToUpper(method)+" "+path], _ = operation.(map[string]any)
		}
	}
	return d, nil
})

// at walks down names.
func at[T any](v any, names ...string) T {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	t, _ := v.(T)
	return t
}

// follow resolves a reference within the document; pointer is where it leads.
func (d *description) follow(v any, pointer string) (any, string) {
	ref := at[string](v, "$ref")
	if ref == "" {
		return v, pointer
	}
	return at[any](d.document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...), strings.TrimPrefix(ref, "#")
}

func (d *description) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(descriptionURL + "#" + pointer)
	d.schemas[pointer] = s
	return s, err
}

func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// match finds the operation of a request and its path parameters.
func (d *description) match(method, path string) (name string, params map[string]string) {
	segments := strings.Split(path, "/")
	for candidate := range d.operations {
		m, template, _ := strings.Cut(candidate, " ")
		parts := strings.Split(template, "/")
		if m != method || len(parts) != len(segments) {
			continue
		}
		found := map[string]string{}
		for i, part := range parts {
			if strings.HasPrefix(part, "{") {
				found[strings.Trim(part, "{}")] = segments[i]
			} else if part != segments[i] {
				found = nil
				break
			}
		}
		if found != nil {
			return candidate, found
		}
	}
	return "", nil
}

// value reads a parameter as its schema has it: a number if it is to be one.
func (d *description) value(schema any, text string) any {
	resolved, _ := d.follow(schema, "")
	if at[string](resolved, "type") == "integer" {
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(text)
		}
	}
	return text
}

// request says what of a request is not as described.
func (d *description) request(operation string, path map[string]string, r *http.Request, body []byte) error {
	method, template, _ := strings.Cut(operation, " ")
	op := d.operations[operation]
	base := "/paths/" + escape(template) + "/" + strings.ToLower(method)
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for i, parameter := range at[[]any](op, "parameters") {
		p, pointer := d.follow(parameter, fmt.Sprintf("%s/parameters/%d", base, i))
		name, in := at[string](p, "name"), at[string](p, "in")
		values := map[string][]string{"path": {path[name]}, "query": query[name], "header": r.Header.Values(name)}[in]
		if in == "query" {
			delete(query, name)
		}
		if len(values) == 0 && !at[bool](p, "required") {
			continue
		}
		if len(values) != 1 {
			return fmt.Errorf("%s %s is there %d times", in, name, len(values))
		}
		schema, err := d.schema(pointer + "/schema")
		if err != nil {
			return err
		}
		if err := schema.Validate(d.value(at[any](p, "schema"), values[0])); err != nil {
			return fmt.Errorf("%s %s: %w", in, name, err)
		}
	}
	if len(query) > 0 {
		return fmt.Errorf("query %v is not described", query)
	}
	if at[any](op, "requestBody") == nil {
		return nil
	}
	return d.body(base+"/requestBody/content/application~1json/schema", body)
}

func (d *description) body(pointer string, body []byte) error {
	schema, err := d.schema(pointer)
	if err != nil || strings.Contains(pointer, "event-stream") {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// response says what of an answer is not as described.
func (d *description) response(operation string, status int, kind string, body []byte) error {
	method, template, _ := strings.Cut(operation, " ")
	code := strconv.Itoa(status)
	responses := at[map[string]any](d.operations[operation], "responses")
	if responses[code] == nil {
		code = "default"
	}
	r, pointer := d.follow(responses[code], "/paths/"+escape(template)+"/"+strings.ToLower(method)+"/responses/"+code)
	if at[any](r, "content", kind) == nil {
		return fmt.Errorf("status %d of kind %q is not described", status, kind)
	}
	return d.body(pointer+"/content/"+escape(kind)+"/schema", body)
}

// recordedStream passes an answer on as it comes, and keeps it.
type recordedStream struct {
	http.ResponseWriter
	kept *httptest.ResponseRecorder
}

func (s *recordedStream) WriteHeader(status int) {
	maps.Copy(s.kept.Header(), s.Header())
	s.kept.WriteHeader(status)
	s.ResponseWriter.WriteHeader(status)
}

func (s *recordedStream) Write(p []byte) (int, error) {
	_, _ = s.kept.Write(p)
	return s.ResponseWriter.Write(p)
}

func (s *recordedStream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// checked serves through the handler and holds each exchange against the
// description: what is served is described, what is described is not called
// malformed, and every answer has its form.
func checked(t testing.TB, handler http.Handler) http.Handler {
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("request body: %v", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorded := httptest.NewRecorder()
		if r.URL.Path == "/pos/v1/feed" {
			handler.ServeHTTP(&recordedStream{w, recorded}, r) // it is read while it is written
			_, _ = io.Copy(io.Discard, r.Body)
		} else {
			handler.ServeHTTP(recorded, r)
			maps.Copy(w.Header(), recorded.Header())
			w.WriteHeader(recorded.Code)
			_, _ = w.Write(recorded.Body.Bytes())
		}

		operation, path := d.match(r.Method, r.URL.Path)
		if operation == "" {
			if recorded.Code != http.StatusNotFound && recorded.Code != http.StatusUnauthorized {
				t.Errorf("%s %s is not described and answered with %d", r.Method, r.URL.Path, recorded.Code)
			}
			return
		}
		answered := answer{status: recorded.Code, body: recorded.Body.Bytes()}
		if err := d.response(operation, recorded.Code, recorded.Header().Get("Content-Type"), answered.body); err != nil {
			if recorded.Code == http.StatusNotFound && recorded.Header().Get("Content-Type") != "application/problem+json" {
				return // an escape that met no route
			}
			t.Errorf("%s answers what is not described: %v\n%s", operation, err, answered.body)
		}
		err = d.request(operation, path, r, body)
		if recorded.Code == http.StatusOK && err != nil {
			t.Errorf("%s is served and not described: %v\n%s", operation, err, body)
		}
		// A pattern cannot say 2^53; the description says it in words.
		if answered.urn() == "malformed" && err == nil && !strings.Contains(string(answered.body), "beyond 2^53") && !strings.Contains(string(answered.body), "cursor") {
			t.Errorf("%s %s is described and called malformed: %s\n%s", r.Method, r.URL, answered.body, body)
		}
	})
}

func TestTheDescriptionIsOpenAPI(t *testing.T) {
	t.Parallel()
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	meta, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("https://guodu.invalid/oas.json", meta); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("https://guodu.invalid/oas.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(d.document); err != nil {
		t.Errorf("openapi.yaml: %v", err)
	}
	for name := range at[map[string]any](d.document, "components", "schemas") {
		if _, err := d.schema("/components/schemas/" + name); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

func TestTheDescriptionHasTheRoutesThatAreMounted(t *testing.T) {
	t.Parallel()
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	pos.NewHandler(pos.Config{}).Mount(e.Group("/pos/v1"))
	var mounted []string
	for _, r := range e.Routes() {
		segments := strings.Split(r.Path, "/")
		for i, s := range segments {
			if strings.HasPrefix(s, ":") {
				segments[i] = "{}"
			}
		}
		mounted = append(mounted, r.Method+" "+strings.Join(segments, "/"))
	}
	var found []string
	for operation := range d.operations {
		for _, name := range []string{"{tap_id}", "{load}", "{card_no}"} {
			operation = strings.ReplaceAll(operation, name, "{}")
		}
		found = append(found, operation)
	}
	slices.Sort(mounted)
	slices.Sort(found)
	if !slices.Equal(mounted, found) {
		t.Errorf("mounted:\n%s\ndescribed:\n%s", strings.Join(mounted, "\n"), strings.Join(found, "\n"))
	}
}

// TestRecordsAreDescribedAsTheyAreJudged holds the records of a batch against
// their own schema, which the batch's leaves open.
func TestRecordsAreDescribedAsTheyAreJudged(t *testing.T) {
	t.Parallel()
	c := newCounter(t)
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	var records []any
	n := 0
	for _, kind := range []string{"TAP", "ABANDONED", "WRITE_INTENT", "ACKED", "NAP", "WRITE_RESULT", "HOLD_RECEIVED"} {
		fields := slices.Sorted(maps.Keys(record(1, kind)))
		for _, left := range append(fields, "nothing") {
			n++
			r := record(n, kind, without(left))
			if left == "seq" {
				continue
			}
			records = append(records, r)
		}
		n++
		records = append(records, record(n, kind, with("more", 1)))
	}
	for i, v := range c.t1.journal(1, records...).Verdicts {
		text, err := json.Marshal(records[i])
		if err != nil {
			t.Fatal(err)
		}
		err = d.body("/components/schemas/Record", text)
		if (err == nil) != (v.Why != "malformed") {
			t.Errorf("record %s: %s %s, and by the description %v", text, v.Verdict, v.Why, err)
		}
	}
	c.mustHold(5000, 0)
}
