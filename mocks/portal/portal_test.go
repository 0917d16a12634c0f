package portal_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/mocks/portal"
	"guodu/mocks/sim"
)

func TestRightPasswordGivesTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.want(b.login("zhangsan", password), 200, found)
	b.want(b.login("lisi", "another one"), 200, `{"account_no":"20260002","name":"李四"}`)
}

func TestWrongPasswordAndUnknownUserLookTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, username := range []string{"zhangsan", "nobody"} {
		for range 5 {
			b.want(b.login(username, "wrong"), 401, unknown)
		}
		b.want(b.login(username, "wrong"), 423, `{"error":"locked","retry_after_seconds":900}`)
	}
	b.want(b.login("lisi", password), 401, unknown) // the password of another
}

func TestLockHoldsForFifteenMinutesEvenAgainstTheRightPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 5 {
		b.want(b.login("zhangsan", "wrong"), 401, unknown)
	}
	b.clock.move(15*time.Minute - 1500*time.Millisecond)
	b.want(b.login("zhangsan", password), 423, `{"error":"locked","retry_after_seconds":2}`)
	b.want(b.login("lisi", "another one"), 200, `{"account_no":"20260002","name":"李四"}`)
	b.clock.move(1500 * time.Millisecond)
	for range 5 { // and only five failures lock again
		b.want(b.login("zhangsan", "wrong"), 401, unknown)
	}
	b.want(b.login("zhangsan", password), 423, `{"error":"locked","retry_after_seconds":900}`)
	b.clock.move(15 * time.Minute)
	b.want(b.login("zhangsan", "wrong"), 401, unknown)
	b.want(b.login("zhangsan", password), 200, found)
}

func TestFailuresAreForgottenFifteenMinutesAfterTheLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		for range 4 {
			b.want(b.login("zhangsan", "wrong"), 401, unknown)
		}
		b.clock.move(15 * time.Minute)
	}
	for range 5 { // none of them is forgotten while the next one comes in time
		b.want(b.login("zhangsan", "wrong"), 401, unknown)
		b.clock.move(15*time.Minute - time.Second)
	}
	b.want(b.login("zhangsan", password), 423, `{"error":"locked","retry_after_seconds":1}`)
}

func TestSuccessForgetsTheFailures(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		for range 4 {
			b.want(b.login("zhangsan", "wrong"), 401, unknown)
		}
		b.want(b.login("zhangsan", password), 200, found)
	}
}

func TestStrangersLearnNothingAndLockNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, value := range []string{"", "Bearer wrong", "Bearer " + secret + "x", "Basic " + secret, secret} {
		for range 6 {
			req := b.login("zhangsan", "wrong")
			req.Header.Set("Authorization", value)
			b.want(req, 403, `{"error":"invalid_client"}`)
		}
	}
	b.want(b.login("zhangsan", password), 200, found)
}

func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, body := range []string{
		"", "{", "[]", `{"username":"zhangsan"}`, `{"username":"","password":"x"}`, `{"username":1,"password":"x"}`,
		`{"username":"zhangsan","password":"x","otp":"1"}`, `{"username":"zhangsan","password":"x"} {}`,
		`{"username":"` + strings.Repeat("u", 129) + `","password":"x"}`,
	} {
		b.want(b.request(body), 400, `{"error":"malformed"}`)
	}
	form := b.login("zhangsan", password)
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	b.want(form, 400, `{"error":"malformed"}`)
	empty := `{"username":"zhangsan","password":""}`
	pad := strings.Repeat(" ", 4096-len(empty))
	b.want(b.request(empty+pad), 400, `{"error":"malformed"}`)
	b.want(b.request(empty+pad+" "), 413, `{"error":"too_large"}`)
}

func TestOtherMethodsAndPathsDoNotExist(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, want := range map[string]int{"/api/v1/verify": 405, "/": 404} {
		res, err := http.Get(b.base + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, res.StatusCode, want)
		}
	}
}

func TestStartsOnceOnLoopbackAndNotAfterClose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if !strings.HasPrefix(b.base, "http://127.0.0.1:") {
		t.Errorf("base is %s", b.base)
	}
	_, err := b.portal.Start(t.Context())
	if !errors.Is(err, portal.ErrStarted) {
		t.Errorf("second start: %v", err)
	}
	for range 2 {
		err = b.portal.Close()
		if err != nil {
			t.Error(err)
		}
	}
	_, err = b.portal.Start(t.Context())
	if !errors.Is(err, portal.ErrClosed) {
		t.Errorf("start after close: %v", err)
	}
}

func TestListensWhereItIsToldOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]error{"127.0.0.1:0": nil, "0.0.0.0:0": sim.ErrNotLoopback, ":0": sim.ErrNotLoopback} {
		p, err := portal.New(portal.Options{ClientSecret: secret, Listen: address})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Start(t.Context())
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	whole := portal.Person{Username: "a", Password: password, AccountNo: "1"}
	noName, noPassword, noAccount := whole, whole, whole
	noName.Username, noPassword.Password, noAccount.AccountNo = "", "", ""
	for name, opts := range map[string]portal.Options{
		"no secret":   {People: []portal.Person{whole}},
		"no username": {ClientSecret: secret, People: []portal.Person{noName}},
		"no password": {ClientSecret: secret, People: []portal.Person{noPassword}},
		"no account":  {ClientSecret: secret, People: []portal.Person{noAccount}},
		"twice":       {ClientSecret: secret, People: []portal.Person{whole, whole}},
	} {
		_, err := portal.New(opts)
		if !errors.Is(err, portal.ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error holds a password", name)
		}
	}
}

func TestLogHoldsNoPasswordAndNoName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.want(b.login("zhangsan", password), 200, found)
	b.want(b.login("zhangsan", "wrong-password"), 401, unknown)
	b.want(b.request(`{"username":"zhangsan","password":"wrong-password"`), 400, `{"error":"malformed"}`)
	text := b.log.text()
	if !strings.Contains(text, "status=200") {
		t.Fatalf("log is %s", text)
	}
	for _, word := range []string{password, "wrong-password", secret, "zhangsan", "张三"} {
		if strings.Contains(text, word) {
			t.Errorf("log holds %q", word)
		}
	}
}
