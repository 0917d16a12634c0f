package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what mocks/README.md shows of programs and tables anew")

// asProgram makes this test binary the program itself, for tests that kill it.
const asProgram = "MOCKPAY_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// lastLine ends what serve prints.
const lastLine = lastWords

// anywhere are addresses that no two tests share.
var anywhere = []string{"--wechat=127.0.0.1:0", "--alipay=127.0.0.1:0", "--portal=127.0.0.1:0", "--index=127.0.0.1:0"}

// serving is a mockpay in this process.
type serving struct {
	printed  string
	help     string // address of the help page
	merchant merchant
	end      func() (status int, problems string)
}

// mockpay starts one, which ends with the test or before by end.
func mockpay(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	reader, out := io.Pipe()
	var problems bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- start(ctx, append(args, anywhere...), out, &problems)
		_ = out.Close()
	}()
	s := &serving{printed: announced(reader)}
	code := -1
	s.end = func() (int, string) {
		if code < 0 {
			stop()
			code = <-status
		}
		return code, problems.String()
	}
	t.Cleanup(func() { _, _ = s.end() })
	s.read(t)
	return s
}

// announced is what is printed until the program runs, or ends.
func announced(from io.Reader) string {
	var text strings.Builder
	for lines := bufio.NewScanner(from); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		if lines.Text() == lastLine {
			break
		}
	}
	return text.String()
}

var helpAddress = regexp.MustCompile(`(?m)^help +(http://127\.0\.0\.1:\d+)/$`)

// read takes the merchant from where the program says that it is.
func (s *serving) read(t *testing.T) {
	t.Helper()
	found := helpAddress.FindStringSubmatch(s.printed)
	if found == nil {
		t.Fatalf("no address of the help page in:\n%s", s.printed)
	}
	s.help = found[1]
	for _, base := range []string{s.help, s.help + "/merchant.json"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host, req.Header = "evil.example", http.Header{"Origin": {"http://evil.example"}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s under another name answers %d", base, res.StatusCode)
		}
	}
	body := get(t, s.help+"/merchant.json")
	if err := json.Unmarshal(body, &s.merchant); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, r)
}

func post(t *testing.T, url string, body any) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, r)
}

func answer(t *testing.T, r *http.Response) []byte {
	t.Helper()
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v: %s", r.Request.URL, r.StatusCode, err, body)
	}
	return body
}

// once is a command that ends by itself; if it does not, its status is 0.
func once(t *testing.T, args ...string) (status int, out, problems string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var stdout, stderr bytes.Buffer
	status = start(ctx, args, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}
