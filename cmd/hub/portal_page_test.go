package main_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guodu/binding"
	"guodu/binding/identity"
	"guodu/mocks/portal"
)

// part is what stands in a document between <!-- NAME --> and <!-- end -->.
func part(t *testing.T, document, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(document)))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "<!-- "+name+" -->\n")
	inside, _, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s has no part %q", document, name)
	}
	return inside
}

// portalExample is the example of docs/portal.md, taken apart.
type portalExample struct {
	method, path, secret string
	header               http.Header
	body                 string
	status               int
	kind, answer         string
}

var (
	curlLine   = regexp.MustCompile(`curl -sS -i http://[^/]+(\S+)`)
	curlHeader = regexp.MustCompile(`-H '([^:]+): ([^']+)'`)
	curlBody   = regexp.MustCompile(`--data-raw '([^']+)'`)
	httpAnswer = regexp.MustCompile(`HTTP/1.1 (\d+) \w+\nContent-Type: (\S+)\n\n(.*)\n`)
)

func portalPage(t *testing.T) portalExample {
	t.Helper()
	request, answer := part(t, "docs/portal.md", "portal: request"), part(t, "docs/portal.md", "portal: answer")
	line, body, said := curlLine.FindStringSubmatch(request), curlBody.FindStringSubmatch(request), httpAnswer.FindStringSubmatch(answer)
	if line == nil || body == nil || said == nil {
		t.Fatalf("docs/portal.md shows another kind of example:\n%s\n%s", request, answer)
	}
	e := portalExample{method: http.MethodPost, path: line[1], header: http.Header{}, body: body[1], kind: said[2], answer: said[3]}
	for _, h := range curlHeader.FindAllStringSubmatch(request, -1) {
		e.header.Set(h[1], h[2])
	}
	e.secret = strings.TrimPrefix(e.header.Get("Authorization"), "Bearer ")
	e.status, _ = strconv.Atoi(said[1])
	return e
}

// simulatedPortal is a portal that knows the person of the page.
func simulatedPortal(t *testing.T, e portalExample) (sim *portal.Portal, base string) {
	t.Helper()
	sim, err := portal.New(portal.Options{ClientSecret: e.secret, People: []portal.Person{
		{Username: "zhangsan", Password: "correct horse battery", AccountNo: "2026000001", Name: "张三"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	base, err = sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sim, base
}

func portalClient(t *testing.T, base, secret string) *identity.Portal {
	t.Helper()
	client, err := identity.NewPortal(base, secret, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// asked is the request of the page, sent as curl would.
func (e portalExample) asked(t *testing.T, base string, header http.Header, body string) (status int, kind, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), e.method, base+e.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Content-Type"), string(text)
}

func TestTheHubSendsThePortalWhatThePageShows(t *testing.T) {
	t.Parallel()
	e := portalPage(t)
	type seen struct {
		Method, Path, Authorization, Kind, Body string
	}
	var got seen
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}
		w.Header().Set("Content-Type", e.kind)
		w.WriteHeader(e.status)
		_, _ = io.WriteString(w, e.answer)
	}))
	t.Cleanup(server.Close)
	person, err := portalClient(t, server.URL, e.secret).Login(t.Context(), "zhangsan", "correct horse battery")
	if err != nil || person.AccountNo != "2026000001" || person.Name != "张三" {
		t.Errorf("the page's answer is taken as %+v, %v", person, err)
	}
	want := seen{e.method, e.path, e.header.Get("Authorization"), e.header.Get("Content-Type"), e.body}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the hub asks otherwise than docs/portal.md (-page +hub):\n%s", diff)
	}
}

func TestTheSimulatedPortalAnswersAsThePageShows(t *testing.T) {
	t.Parallel()
	e := portalPage(t)
	_, base := simulatedPortal(t, e)
	status, kind, answer := e.asked(t, base, e.header, e.body)
	if status != e.status || kind != e.kind || answer != e.answer {
		t.Errorf("the page's request is answered %d %s %s", status, kind, answer)
	}
}

var answerRow = regexp.MustCompile("(?m)^\\| (\\d+) \\| `([^`]+)` \\| (.+) \\|$")

func TestEachAnswerOfThePortalsPageIsGivenAndUnderstood(t *testing.T) {
	t.Parallel()
	e := portalPage(t)
	rows := answerRow.FindAllStringSubmatch(part(t, "docs/portal.md", "portal: answers"), -1)
	if len(rows) != 7 {
		t.Fatalf("docs/portal.md has %d answers", len(rows))
	}
	stranger := e.header.Clone()
	stranger.Set("Authorization", "Bearer another")
	wrong := strings.Replace(e.body, "correct", "wrong", 1)
	// How the simulator is brought to each answer; the client's word for it.
	for status, tc := range map[string]struct {
		before func(sim *portal.Portal, base string)
		header http.Header
		body   string
		want   error
	}{
		"200": {body: e.body},
		"401": {body: wrong, want: binding.ErrCredentials},
		"423": {body: e.body, want: &binding.LockedError{For: 15 * time.Minute}, before: func(_ *portal.Portal, base string) {
			for range 5 {
				e.asked(t, base, e.header, wrong)
			}
		}},
		"403": {body: e.body, header: stranger, want: binding.ErrIdentityDown},
		"400": {body: `{"username":"zhangsan"}`, want: binding.ErrIdentityDown},
		"413": {body: e.body + strings.Repeat(" ", 4<<10), want: binding.ErrIdentityDown},
		"500": {body: e.body, want: binding.ErrIdentityDown, before: func(sim *portal.Portal, _ string) {
			if err := sim.Fail(portal.Fault{Kind: portal.FaultError}); err != nil {
				t.Error(err)
			}
		}},
	} {
		row := answerOf(t, rows, status)
		sim, base := simulatedPortal(t, e)
		if tc.before != nil {
			tc.before(sim, base)
		}
		if tc.header == nil {
			tc.header = e.header
		}
		said, _, answer := e.asked(t, base, tc.header, tc.body)
		if strconv.Itoa(said) != status || answer != row[2] {
			t.Errorf("the simulator says %d %s where the page has %s %s", said, answer, status, row[2])
		}
		understood(t, e, row, tc.want)
	}
}

func answerOf(t *testing.T, rows [][]string, status string) []string {
	t.Helper()
	for _, row := range rows {
		if row[1] == status {
			return row
		}
	}
	t.Fatalf("docs/portal.md has no answer %s", status)
	return nil
}

// understood checks what the client makes of an answer of the page, and that the
// log's word is in the error of those that are no verdict.
func understood(t *testing.T, e portalExample, row []string, want error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		status, _ := strconv.Atoi(row[1])
		w.WriteHeader(status)
		_, _ = bytes.NewBufferString(row[2]).WriteTo(w)
	}))
	defer server.Close()
	_, err := portalClient(t, server.URL, e.secret).Login(t.Context(), "zhangsan", "correct horse battery")
	var locked *binding.LockedError
	switch wanted := want.(type) { //nolint:errorlint // the table's own value, wrapped by nobody
	case nil:
		if err != nil {
			t.Errorf("%s %s is taken as %v", row[1], row[2], err)
		}
	case *binding.LockedError:
		if !errors.As(err, &locked) || locked.For != wanted.For {
			t.Errorf("%s %s is taken as %v", row[1], row[2], err)
		}
	default:
		if !errors.Is(err, want) {
			t.Errorf("%s %s is taken as %v, want %v", row[1], row[2], err, want)
		}
	}
	if word := regexp.MustCompile(`"error":"(\w+)"`).FindStringSubmatch(row[2]); strings.Contains(row[3], "the log names the word") &&
		(word == nil || err == nil || !strings.Contains(err.Error(), word[1])) {
		t.Errorf("%s %s: the log has no word of it: %v", row[1], row[2], err)
	}
}
