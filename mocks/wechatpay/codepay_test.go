package wechatpay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/mocks/wechatpay"
)

const codePayURL = "/v3/pay/transactions/codepay"

func codeForm(no, code string) form {
	return form{
		"appid": appID, "mchid": mchID, "description": "食堂", "out_trade_no": no, "amount": form{"total": 888, "currency": "CNY"},
		"payer": form{"auth_code": code}, "scene_info": form{"store_info": form{"out_id": "1"}},
	}
}

func TestPaymentByCodeTakesTheMoneyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, telling)
	f := codeForm("CODE0001", b.sim.AuthCode("lisi"))
	r := b.call(http.MethodPost, codePayURL, f.json(t))
	b.want(r, http.StatusOK, "")
	for _, part := range []string{`"trade_state":"SUCCESS"`, `"trade_type":"MICROPAY"`, wechatpay.OpenID(appID, "lisi"), `"total":888`} {
		if !strings.Contains(string(r.body), part) {
			t.Errorf("no %s in %s", part, r.body)
		}
	}
	b.want(b.call(http.MethodPost, codePayURL, f.json(t)), http.StatusBadRequest, "ORDER_PAID")
	b.want(b.call(http.MethodPost, codePayURL, f.with("description", "x").json(t)), http.StatusBadRequest, "INVALID_REQUEST")
	if len(b.sim.Callbacks()) != 0 {
		t.Error("a payment by code was told")
	}
}

func TestPaymentCodesWorkOnceForAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	used, old := b.sim.AuthCode(person), b.sim.AuthCode(person)
	b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0002", used).json(t)), http.StatusOK, "")
	b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0003", used).json(t)), http.StatusBadRequest, "AUTH_CODE_INVALID")
	b.clock.Advance(time.Minute)
	b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0003", old).json(t)), http.StatusBadRequest, "AUTH_CODE_EXPIRED")
	for _, wrong := range []string{"123", strings.Repeat("9", 18)} {
		b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0003", wrong).json(t)), http.StatusBadRequest, "PARAM_ERROR")
	}
	b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0003", used).with("notify_url", notifyURL).json(t)), http.StatusBadRequest, "PARAM_ERROR")
	b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0003", used).with("appid", "wx2").json(t)), http.StatusBadRequest, "APPID_MCHID_NOT_MATCH")
	b.want(b.call(http.MethodPost, codePayURL, codeForm("CODE0003", used).with("mchid", "1900000108").json(t)), http.StatusBadRequest, "PARAM_ERROR")
}

func TestAPayerTypesThePasswordOrGivesUp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for kind, want := range map[wechatpay.FaultKind]wechatpay.State{
		wechatpay.FaultUserPaying: wechatpay.StateSuccess, wechatpay.FaultUserCancels: wechatpay.StatePayError,
	} {
		no := "CODE_" + strings.ReplaceAll(string(kind), "-", "_")
		b.fail(wechatpay.EndpointCodePay, kind, 1)
		b.want(b.call(http.MethodPost, codePayURL, codeForm(no, b.sim.AuthCode(person)).json(t)), http.StatusAccepted, "USERPAYING")
		if r := b.call(http.MethodGet, queryURL(no), ""); !strings.Contains(string(r.body), `"USERPAYING"`) {
			t.Errorf("%s: %s", kind, r.body)
		}
		b.clock.Advance(10 * time.Second)
		if o, _ := b.sim.Book().Order(no); o.State != want {
			t.Errorf("%s: it is %s, want %s", kind, o.State, want)
		}
	}
}
