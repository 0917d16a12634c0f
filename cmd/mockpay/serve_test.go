package main

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"guodu/channels"
	"guodu/mocks/sim"
)

// waiting are the faults of a simulator that have not happened yet.
func waiting(t *testing.T, base string) []sim.Waiting {
	t.Helper()
	var answer struct {
		Waiting []sim.Waiting `json:"waiting"`
	}
	if err := json.Unmarshal(get(t, base+"/_sim/faults"), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Waiting
}

func TestCalmHasNothingInStoreAndTheDefaultHas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args           []string
		wechat, alipay bool // whether something is in store there
		weather        string
	}{
		{args: []string{"--calm"}, weather: "calm: "},
		{wechat: true, alipay: true, weather: "rude: "},
		{args: []string{"--calm", "--scenario=coupon"}, wechat: true, weather: "calm: "},
		{args: []string{"--calm", "--scenario=refund-without-money"}, alipay: true, weather: "calm: "},
		{args: []string{"--calm", "--scenario=rate-limited"}, wechat: true, alipay: true, weather: "calm: "},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			s := mockpay(t, c.args...)
			wx, ali := waiting(t, s.merchant.WeChat.Base), waiting(t, s.merchant.Alipay.AuthorizeBase)
			if len(wx) > 0 != c.wechat || len(ali) > 0 != c.alipay {
				t.Errorf("in store: %v and %v", wx, ali)
			}
			if !strings.Contains(s.printed, "weather     "+c.weather) || !strings.Contains(string(get(t, s.help+"/")), c.weather) {
				t.Errorf("the weather is not shown as %s", c.weather)
			}
			if status, problems := s.end(); status != 0 || problems != "" {
				t.Errorf("status %d: %s", status, problems)
			}
		})
	}
}

// What the switches do is tested beside the simulators. Here the flag has only
// to get there.
func TestTidySpeaksAsTheDocumentsDo(t *testing.T) {
	t.Parallel()
	for _, tidy := range []bool{false, true} {
		args := []string{"--calm"}
		if tidy {
			args = append(args, "--tidy")
		}
		s := mockpay(t, args...)
		_, ali := hubChannels(t, s)
		got := make(chan string, 16)
		shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get("Content-Type")
			_, _ = w.Write([]byte("success"))
		}))
		trade, err := ali.Prepay(t.Context(), order("order0001", channels.Payer{Kind: "user_id", ID: s.merchant.Alipay.BuyerID}, shop.URL+"/n"))
		if err != nil {
			t.Fatal(err)
		}
		post(t, s.merchant.Alipay.AuthorizeBase+"/_sim/cashier", trade.Params)
		if kind := <-got; strings.Contains(kind, "text/html") == tidy {
			t.Errorf("tidy %v: Content-Type is %s", tidy, kind)
		}
		shop.Close()
	}
}

func TestTheMerchantIsComplete(t *testing.T) {
	t.Parallel()
	s := mockpay(t, "--person=xiaohong")
	var all map[string]any
	if err := json.Unmarshal(get(t, s.help+"/merchant.json"), &all); err != nil {
		t.Fatal(err)
	}
	for name, value := range all {
		fields, group := value.(map[string]any)
		if !group {
			fields = map[string]any{"": value}
		}
		for field, value := range fields {
			if value == "" || value == 0.0 || value == nil {
				t.Errorf("%s.%s is empty", name, field)
			}
		}
	}
	wx, ali := s.merchant.WeChat, s.merchant.Alipay
	for _, pair := range [][2]string{{wx.MerchantPrivateKey, wx.MerchantPublicKeyPEM}, {ali.AppPrivateKey, ali.AppPublicKey}} {
		block, _ := pem.Decode([]byte(pair[0]))
		private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		public, err := parsePublic(pair[1])
		if err != nil || !private.(*rsa.PrivateKey).PublicKey.Equal(public) {
			t.Errorf("the two halves of a key do not fit (%v)", err)
		}
	}
	for _, key := range []string{wx.PlatformPublicKey, ali.AlipayPublicKey} {
		if _, err := parsePublic(key); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(s.merchant.Note, "simulator") {
		t.Errorf("the note says %q", s.merchant.Note)
	}
}

func TestTheHelpPageNamesEveryScenarioAndAddress(t *testing.T) {
	t.Parallel()
	s := mockpay(t)
	page := html.UnescapeString(string(get(t, s.help+"/")))
	var names []string
	for _, base := range []string{s.merchant.WeChat.Base, s.merchant.Alipay.AuthorizeBase} {
		var all sim.Scenarios
		if err := json.Unmarshal(get(t, base+"/_sim/scenarios"), &all); err != nil {
			t.Fatal(err)
		}
		for _, each := range all {
			names = append(names, each.Name)
			if !strings.Contains(page, "<code>"+each.Name+"</code>") || !strings.Contains(page, each.Title) || !strings.Contains(page, each.Merchant) {
				t.Errorf("%s is not explained", each.Name)
			}
		}
	}
	if len(names) < 80 {
		t.Errorf("%d scenarios", len(names))
	}
	for _, address := range []string{s.help, s.merchant.WeChat.Base, s.merchant.Alipay.Gateway, s.merchant.WeChat.MchID} {
		if !strings.Contains(page, address) {
			t.Errorf("the page does not show %s", address)
		}
	}
	for _, left := range []string{"{{", "}}", "<no value>", "%!", "ZgotmplZ", "<nil>"} {
		if strings.Contains(page, left) {
			t.Errorf("the page has %q", left)
		}
	}
	r, err := http.Get(s.help + "/elsewhere")
	if err != nil || r.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown path is answered %v, %v", r, err)
	}
	_ = r.Body.Close()
}

func TestASeedRepeatsTheNumbersOfARun(t *testing.T) {
	t.Parallel()
	drawn := func(seed string) []string {
		s := mockpay(t, "--calm", "--seed="+seed)
		if !strings.Contains(s.printed, "seed        "+seed+" ") {
			t.Errorf("seed %s is not printed:\n%s", seed, s.printed)
		}
		wx, ali := hubChannels(t, s)
		var numbers []string
		for _, no := range []string{"order0001", "order0002"} {
			sheet, err := wx.Prepay(t.Context(), order(no, channels.Payer{Kind: "openid", ID: s.merchant.WeChat.PayerOpenID}, "http://127.0.0.1:1/notify"))
			if err != nil {
				t.Fatal(err)
			}
			trade, err := ali.Prepay(t.Context(), order(no, channels.Payer{Kind: "user_id", ID: s.merchant.Alipay.BuyerID}, "http://127.0.0.1:1/notify"))
			if err != nil {
				t.Fatal(err)
			}
			// What stands before the last ten is of the time.
			numbers = append(numbers, sheet.Handle[len(sheet.Handle)-10:], trade.Handle[len(trade.Handle)-10:])
		}
		return numbers
	}
	first, again, other := drawn("7"), drawn("7"), drawn("8")
	if !slices.Equal(first, again) {
		t.Errorf("seed 7 drew %v, and then %v", first, again)
	}
	for i := range first {
		if first[i] == other[i] {
			t.Errorf("seeds 7 and 8 both drew %v", first[i])
		}
	}
}

func TestWhatCannotWorkIsSaidInOneLineAndEndsWithOne(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	damaged, garbled := filepath.Join(t.TempDir(), "damaged"), filepath.Join(t.TempDir(), "garbled")
	writeFile(t, damaged, "no JSON")
	first := mockpay(t, "--state="+garbled)
	if status, problems := first.end(); status != 0 {
		t.Fatal(problems)
	}
	writeFile(t, garbled+".alipay", "no JSON\n")
	cases := map[string]struct{ flag, says string }{
		"an unknown scenario":          {"--scenario=nope", `there is no scenario "nope" (mockpay scenarios lists them)`},
		"WeChat Pay for everybody":     {"--wechat=0.0.0.0:0", "loopback only"},
		"Alipay for everybody":         {"--alipay=:0", "loopback only"},
		"a portal for everybody":       {"--portal=0.0.0.0:0", "loopback only"},
		"a seller without a form":      {"--seller-id=1", "SellerID must be 2088"},
		"a help page for everybody":    {"--index=0.0.0.0:0", "loopback only"},
		"an address without a port":    {"--wechat=localhost", "missing port"},
		"a port that is in use":        {"--wechat=" + taken.Addr().String(), "--wechat 127.0.0.1:0 takes a free port"},
		"a help page's port in use":    {"--index=" + taken.Addr().String(), "--index 127.0.0.1:0 takes a free port"},
		"a damaged state file":         {"--state=" + damaged, damaged + " is not a file of mockpay's"},
		"a damaged simulator's state":  {"--state=" + garbled, garbled + ".alipay"},
		"a state file in no folder":    {"--state=/nowhere/at/all", "/nowhere/at/all"},
		"a state file that is a place": {"--state=" + t.TempDir(), "is a directory"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{}, anywhere...)
			status, out, problems := once(t, append(args, c.flag)...)
			if status != 1 || !strings.Contains(problems, c.says) || strings.Count(problems, "\n") != 1 || !strings.HasPrefix(problems, "mockpay: ") {
				t.Errorf("status %d, it says:\n%s", status, problems)
			}
			if out != "" {
				t.Errorf("it announced:\n%s", out)
			}
		})
	}
	t.Run("an unknown flag", func(t *testing.T) {
		t.Parallel()
		status, _, problems := once(t, "--nope")
		if status != 2 || !strings.Contains(problems, "--nope") || !strings.Contains(problems, "mockpay --help") {
			t.Errorf("status %d, it says:\n%s", status, problems)
		}
	})
}

func TestHelpNamesCommandsAndTheFlagsOfServe(t *testing.T) {
	t.Parallel()
	status, out, problems := once(t, "--help")
	if status != 0 || problems != "" {
		t.Errorf("status %d: %s", status, problems)
	}
	for _, word := range []string{
		"serve", "scenarios", "fidelity", "--wechat=\"127.0.0.1:9001\"", "--alipay=\"127.0.0.1:9002\"", "--index=\"127.0.0.1:9000\"",
		"--portal=\"127.0.0.1:9003\"", "--hub", "--mch-id", "--app-id", "--alipay-app-id", "--seller-id", "--state", "--seed", "--calm", "--tidy", "--scenario", "--person", "--tail", "--verbose",
	} {
		if !strings.Contains(out, word) {
			t.Errorf("no %s in:\n%s", word, out)
		}
	}
	if status, out, _ := once(t, "fidelity", "--help"); status != 0 || strings.Contains(out, "--calm") {
		t.Errorf("help of another command: %d\n%s", status, out)
	}
}
