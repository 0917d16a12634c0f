package alipay_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/mocks/alipay"
)

func TestCreateRefusesWhatTheDocumentsForbid(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good := orderForm("BAD_1")
	for name, biz := range map[string]form{
		"no number":             good.without("out_trade_no"),
		"number of 65":          good.with("out_trade_no", strings.Repeat("a", 65)),
		"number with a slash":   good.with("out_trade_no", "BAD/1"),
		"no amount":             good.without("total_amount"),
		"amount 0":              good.with("total_amount", "0.00"),
		"amount of 3 decimals":  good.with("total_amount", "0.001"),
		"amount in exponents":   good.with("total_amount", "1e2"),
		"negative amount":       good.with("total_amount", "-1.00"),
		"signed amount":         good.with("total_amount", "+1.00"),
		"amount with a comma":   good.with("total_amount", "1,000.00"),
		"amount with no whole":  good.with("total_amount", ".50"),
		"amount of 16 digits":   good.with("total_amount", "1000000000000000"),
		"empty subject":         good.with("subject", ""),
		"subject of 257":        good.with("subject", strings.Repeat("卡", 257)),
		"subject with a slash":  good.with("subject", "a/b"),
		"body of 129":           good.with("body", strings.Repeat("b", 129)),
		"passback of 513":       good.with("passback_params", strings.Repeat("p", 513)),
		"wap product":           good.with("product_code", "QUICK_WAP_WAY"),
		"other seller":          good.with("seller_id", "2088000000000001"),
		"no buyer":              good.with("buyer_id", ""),
		"malformed buyer":       good.with("buyer_id", "2088"),
		"open id":               good.with("buyer_id", "").with("buyer_open_id", alipay.OpenID(appID, person)),
		"both kinds":            good.with("buyer_open_id", alipay.OpenID(appID, person)),
		"no op_app_id":          good.without("op_app_id"),
		"timeout 0m":            good.with("timeout_express", "0m"),
		"timeout 1.5h":          good.with("timeout_express", "1.5h"),
		"timeout 16d":           good.with("timeout_express", "16d"),
		"timeout 21601m":        good.with("timeout_express", "21601m"),
		"timeout 2c":            good.with("timeout_express", "2c"),
		"RFC 3339 time_expire":  good.with("time_expire", "2026-03-03T00:00:00+08:00"),
		"nothing but the buyer": {"buyer_id": alipay.BuyerID(person)},
	} {
		t.Run(name, func(t *testing.T) {
			sub := *b
			sub.t = t
			sub.wantCode(sub.post(createForm(biz)), "40004", "ACQ.INVALID_PARAMETER")
		})
	}
	b.wantCode(b.post(createForm(good.with("total_amount", "100000000.01"))), "40004", "ACQ.TOTAL_FEE_EXCEED")
	b.wantCode(b.post(createForm(good.with("buyer_id", sellerID))), "40004", "ACQ.BUYER_SELLER_EQUAL")
	b.wantCode(b.post(createForm(good.with("time_expire", "2026-03-02 18:00:00"))), "40004", "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR")
	b.wantCode(b.post(createForm(form{})), "40004", "ACQ.INVALID_PARAMETER")
	number := createForm(good)
	number["biz_content"] = strings.Replace(number["biz_content"], `"50.00"`, `50.00`, 1)
	b.wantCode(b.post(number), "40004", "ACQ.INVALID_PARAMETER")
	if len(b.sim.Book().Orders) != 0 {
		t.Fatal("a refused request made a trade")
	}
}

func TestCreateTakesEveryFormOfAnAmount(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for text, fen := range map[string]int64{"0.01": 1, "0.1": 10, "7": 700, "88.88": 8888, "100000000": 10_000_000_000, "100000000.00": 10_000_000_000} {
		no := "FORM_" + fmt.Sprint(fen, len(text))
		no = strings.ReplaceAll(no, " ", "_")
		b.create(orderForm(no).with("total_amount", text))
		if got := b.order(no).TotalFen; got != fen {
			t.Errorf("%s is %d fen, want %d", text, got, fen)
		}
		node := b.wantCode(b.query(no), "10000", "")
		if want := fmt.Sprintf("%d.%02d", fen/100, fen%100); node["total_amount"] != want {
			t.Errorf("%s is shown as %v, want %s", text, node["total_amount"], want)
		}
	}
}

func TestCreateRepeatsTheSameTradeOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	good := orderForm("SAME_1")
	no := b.create(good)
	if !regexp.MustCompile(`^2026030222001[0-9]{15}$`).MatchString(no) {
		t.Errorf("trade_no is %s", no)
	}
	if again := b.create(good.with("discountable_amount", "")); again != no {
		t.Errorf("repeat gave %s, want %s", again, no)
	}
	b.wantCode(b.post(createForm(good.with("total_amount", "50.01"))), "40004", "ACQ.CONTEXT_INCONSISTENT")
	b.wantCode(b.post(createForm(good.with("subject", "其他"))), "40004", "ACQ.CONTEXT_INCONSISTENT")
	b.wantCode(b.post(createForm(good.with("buyer_id", alipay.BuyerID("lisi")))), "40004", "ACQ.TRADE_BUYER_NOT_MATCH")
	b.pay(no)
	b.wantCode(b.post(createForm(good)), "40004", "ACQ.TRADE_HAS_SUCCESS")
	b.create(orderForm("SAME_2"))
	b.closeTrade("SAME_2")
	b.wantCode(b.post(createForm(orderForm("SAME_2"))), "40004", "ACQ.TRADE_HAS_CLOSE")
}

func TestTradeClosesItselfWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field, value string
		life         time.Duration
	}{
		"minutes":          {"timeout_express", "30m", 30 * time.Minute},
		"hours":            {"timeout_express", "2h", 2 * time.Hour},
		"days":             {"timeout_express", "15d", 15 * 24 * time.Hour},
		"end of the day":   {"timeout_express", "1c", 6*time.Hour - 750*time.Millisecond},
		"moment":           {"time_expire", "2026-03-02 18:10:00", 10*time.Minute - 750*time.Millisecond},
		"default":          {"body", "x", 15 * 24 * time.Hour},
		"the moment wins,": {"time_expire", "2026-03-02 18:00:01", 250 * time.Millisecond},
	} {
		b := setup(t, nil)
		biz := orderForm("TIME_1").with(c.field, c.value)
		if c.field == "time_expire" {
			biz = biz.with("timeout_express", "5d")
		}
		no := b.create(biz)
		b.clock.Advance(c.life - time.Millisecond)
		if node := b.wantCode(b.query("TIME_1"), "10000", ""); node["trade_status"] != "WAIT_BUYER_PAY" {
			t.Errorf("%s: %v before its time", name, node["trade_status"])
		}
		b.clock.Advance(time.Millisecond)
		if got := b.order("TIME_1").State; got != alipay.StateClosed {
			t.Errorf("%s: %s after its time", name, got)
		}
		if node := b.wantCode(b.post(common("alipay.trade.query", form{"trade_no": no})), "10000", ""); node["trade_status"] != "TRADE_CLOSED" {
			t.Errorf("%s: query says %v after its time", name, node["trade_status"])
		}
		b.wantCode(b.post(createForm(biz)), "40004", "ACQ.TRADE_HAS_CLOSE")
		b.wantCode(b.closeTrade("TIME_1"), "40004", "ACQ.REASON_ILLEGAL_STATUS")
	}
}

func TestOpenIDAppTakesItsOwnOpenIDsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, openID)
	good := orderForm("OPEN_1").without("buyer_id").with("buyer_open_id", alipay.OpenID(appID, person))
	b.wantCode(b.post(createForm(orderForm("OPEN_1"))), "40004", "ACQ.INVALID_PARAMETER")
	b.wantCode(b.post(createForm(good.with("buyer_open_id", alipay.OpenID("2021000000000000", person)))), "40002", "isv.invalid-openid")
	b.wantCode(b.post(createForm(good.with("buyer_open_id", "nonsense"))), "40002", "isv.invalid-openid")
	forged := alipay.OpenID(appID, person)[:46] + "!"
	b.wantCode(b.post(createForm(good.with("buyer_open_id", forged))), "40002", "isv.invalid-openid")
	b.pay(b.create(good))
	node := b.wantCode(b.query("OPEN_1"), "10000", "")
	if node["buyer_open_id"] != alipay.OpenID(appID, person) || node["buyer_user_id"] != nil {
		t.Errorf("node is %v", node)
	}
}

func TestNotifyURLMustBeReachable(t *testing.T) {
	t.Parallel()
	loose, strict := setup(t, nil), setup(t, func(o *alipay.Options) { o.AllowLoopbackNotify = false })
	for address, where := range map[string]string{
		"https://pay.example.edu/n": "both", "http://8.8.8.8/n?x=1": "both", "": "both",
		"http://127.0.0.1:9/n": "loose", "http://localhost/n": "loose", "http://[::1]/n": "loose",
		"http://192.168.1.1/n": "", "http://campus/n": "", "ftp://pay.example.edu/n": "", "/n": "",
		"https://u@pay.example.edu/": "", "https://pay.example.edu/" + strings.Repeat("n", 233): "",
	} {
		for name, b := range map[string]*bench{"loose": loose, "strict": strict} {
			r := b.post(createForm(orderForm("URL_1")).with("notify_url", address))
			if took := strings.Contains(r.body, `"10000"`); r.status != http.StatusOK || took != (where == "both" || where == name) {
				t.Errorf("%s, %s: %s", address, name, r.body)
			}
		}
	}
}

func TestCloseHasThreeWaysToBeTooLate(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.wantCode(b.closeTrade("CLOSE_1"), "40004", "ACQ.TRADE_NOT_EXIST")
	no := b.create(orderForm("CLOSE_1"))
	node := b.wantCode(b.closeTrade("CLOSE_1"), "10000", "")
	if node["trade_no"] != no || node["out_trade_no"] != "CLOSE_1" {
		t.Errorf("node is %v", node)
	}
	b.wantCode(b.closeTrade("CLOSE_1"), "40004", "ACQ.REASON_ILLEGAL_STATUS")
	b.pay(b.create(orderForm("CLOSE_2")))
	b.wantCode(b.closeTrade("CLOSE_2"), "40004", "ACQ.TRADE_STATUS_ERROR")
	b.wantCode(b.closeTrade(""), "40004", "ACQ.INVALID_PARAMETER")
	b.wantCode(b.post(common("alipay.trade.close", form{"out_trade_no": strings.Repeat("9", 65)})), "40004", "ACQ.INVALID_PARAMETER")
	if b.sim.Count("closed") != 1 {
		t.Errorf("%d closed", b.sim.Count("closed"))
	}
}

func TestQueryGoesByTradeNoFirstAndHidesPassback(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	one, two := b.create(orderForm("QUERY_1")), b.create(orderForm("QUERY_2"))
	b.pay(two)
	node := b.wantCode(b.post(common("alipay.trade.query", form{"trade_no": one, "out_trade_no": "QUERY_2"})), "10000", "")
	if node["out_trade_no"] != "QUERY_1" || node["trade_status"] != "WAIT_BUYER_PAY" || node["send_pay_date"] != nil ||
		node["receipt_amount"] != "0.00" || node["buyer_pay_amount"] != "0.00" || node["total_amount"] != "50.00" {
		t.Errorf("unpaid is %v", node)
	}
	b.wantCode(b.post(common("alipay.trade.query", form{"trade_no": "1", "out_trade_no": "QUERY_2"})), "40004", "ACQ.TRADE_NOT_EXIST")
	b.wantCode(b.query(""), "40004", "ACQ.INVALID_PARAMETER")
	f := common("alipay.trade.query", nil)
	b.wantCode(b.post(f.with("biz_content", `{"out_trade_no":"QUERY_2","query_options":"all"}`)), "40004", "ACQ.INVALID_PARAMETER")
	b.wantCode(b.post(f.with("biz_content", `{"out_trade_no":"QUERY_2","query_options":[1]}`)), "40004", "ACQ.INVALID_PARAMETER")
	node = b.wantCode(b.query("QUERY_2"), "10000", "")
	if node["trade_status"] != "TRADE_SUCCESS" || node["receipt_amount"] != "50.00" || node["send_pay_date"] != stamp ||
		node["fund_bill_list"] != nil || node["passback_params"] != nil || node["buyer_user_id"] != alipay.BuyerID(person) ||
		!regexp.MustCompile(`^1[0-9]{2}\*{4}[0-9]{4}$`).MatchString(node["buyer_logon_id"].(string)) {
		t.Errorf("paid is %v", node)
	}
}
