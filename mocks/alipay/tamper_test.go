package alipay_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"guodu/mocks/alipay"
)

// oddities say what must be wrong, or odd, with each kind of notify of a paid
// trade of 50.00 yuan.
var oddities = map[alipay.Tamper]func(p parcel, v url.Values) bool{
	alipay.TamperWrongSignature: func(_ parcel, v url.Values) bool { return v.Get("sign") != "" },
	alipay.TamperNoSignature:    func(_ parcel, v url.Values) bool { return !v.Has("sign") && !v.Has("sign_type") },
	alipay.TamperEmptySign:      func(_ parcel, v url.Values) bool { return v.Has("sign") && v.Get("sign") == "" },
	alipay.TamperOtherKey:       func(_ parcel, v url.Values) bool { return len(v.Get("sign")) == 344 },
	alipay.TamperReplay:         func(p parcel, v url.Values) bool { return v.Get("total_amount") == "50.00" },
	alipay.TamperSignTypeRSA:    func(_ parcel, v url.Values) bool { return v.Get("sign_type") == "RSA" },
	alipay.TamperAltered:        func(_ parcel, v url.Values) bool { return v.Get("total_amount") == "5000.00" },
	alipay.TamperDuplicated:     twoAmounts,
	alipay.TamperEmptyValues: func(_ parcel, v url.Values) bool {
		return v.Has("gmt_close") && v.Get("gmt_close") == "" && v.Get("total_amount") == "50.00"
	},
	alipay.TamperOtherAppID:    func(_ parcel, v url.Values) bool { return v.Get("app_id") != appID && v.Get("seller_id") == sellerID },
	alipay.TamperOtherSellerID: func(_ parcel, v url.Values) bool { return v.Get("seller_id") != sellerID && v.Get("app_id") == appID },
	alipay.TamperOtherAmount:   func(_ parcel, v url.Values) bool { return v.Get("total_amount") == "5000.00" },
	alipay.TamperUnknownOrder:  func(_ parcel, v url.Values) bool { return v.Get("out_trade_no") == "000000" },
	alipay.TamperClosed: func(_ parcel, v url.Values) bool {
		return v.Get("trade_status") == "TRADE_CLOSED" && v.Get("gmt_close") == stamp && !v.Has("gmt_payment") && v.Get("receipt_amount") == "0.00"
	},
	alipay.TamperWaiting: func(_ parcel, v url.Values) bool {
		return v.Get("trade_status") == "WAIT_BUYER_PAY" && !v.Has("gmt_payment")
	},
	alipay.TamperRefund: func(_ parcel, v url.Values) bool {
		return v.Get("trade_status") == "TRADE_SUCCESS" && v.Get("refund_fee") == "25.00" && v.Get("out_biz_no") == "RTAMPER" &&
			v.Get("gmt_refund") == stamp+".750" && v.Get("total_amount") == "50.00"
	},
	alipay.TamperDuplicatedSigned: twoAmounts,
	alipay.TamperHugeBody:         func(p parcel, _ url.Values) bool { return len(p.body) > 10_000_000 },
	alipay.TamperBrokenEncoding: func(p parcel, _ url.Values) bool {
		_, err := url.ParseQuery(p.body)
		return err != nil
	},
	alipay.TamperJSON: func(p parcel, _ url.Values) bool {
		return json.Valid([]byte(p.body)) && p.contentType == "application/json;charset=utf-8"
	},
	alipay.TamperFinished: func(_ parcel, v url.Values) bool { return v.Get("trade_status") == "TRADE_FINISHED" },
	alipay.TamperCertSN:   func(_ parcel, v url.Values) bool { return len(v.Get("alipay_cert_sn")) == 32 },
	alipay.TamperQueryString: func(p parcel, v url.Values) bool {
		return p.query == "total_amount=88888.88&channel=h5" && v.Get("total_amount") == "50.00"
	},
	alipay.TamperGBK: func(p parcel, v url.Values) bool {
		return v.Get("charset") == "GBK" && v.Get("subject") != "校园卡充值"
	},
}

func twoAmounts(_ parcel, v url.Values) bool {
	amounts := v["total_amount"]
	return len(amounts) == 2 && amounts[0] == "88888.88" && amounts[1] == "50.00"
}

func TestEachKindIsOddInItsOwnWay(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK, "fail")
	b.pay(b.createTo("TAMPER", in.URL))
	if len(oddities) != len(alipay.TamperKinds()) {
		t.Fatalf("%d kinds are known, %d exist", len(oddities), len(alipay.TamperKinds()))
	}
	for _, kind := range alipay.TamperKinds() {
		d, err := b.sim.DeliverTampered(t.Context(), "TAMPER", kind)
		if err != nil || d.Err != nil || d.Accepted {
			t.Errorf("%s: %+v, %v", kind, d, err)
			continue
		}
		got := in.all()
		p := got[len(got)-1]
		values := p.fields()
		if kind == alipay.TamperJSON {
			values = fromJSON(t, p.body)
		}
		if !oddities[kind](p, values) {
			t.Errorf("%s: nothing odd in %.2000s", kind, p.body)
		}
		if b.verified(values) != kind.Authentic() {
			t.Errorf("%s: the signature holds: %v", kind, !kind.Authentic())
		}
	}
	if b.order("TAMPER").CallbacksSent != 0 || b.sim.Count("callback.sent") != 0 || b.sim.Count("tamper.accepted") != 0 ||
		b.sim.Count("tamper.sent") != int64(len(oddities)) {
		t.Errorf("counts are %v", b.sim.Book().Counts)
	}
}

func fromJSON(t *testing.T, body string) url.Values {
	t.Helper()
	var object map[string]string
	err := json.Unmarshal([]byte(body), &object)
	if err != nil {
		t.Fatal(err)
	}
	values := url.Values{}
	for name, value := range object {
		values.Set(name, value)
	}
	return values
}

func TestTruthfulKindsSayNothingFalseAndWantAPaidTrade(t *testing.T) {
	t.Parallel()
	b := setup(t, openID)
	in := newInbox(t, http.StatusOK, "success")
	biz := orderForm("TRUE_1").without("buyer_id").with("buyer_open_id", b.sim.Buyer(person))
	node := b.wantCode(b.post(createForm(biz).with("notify_url", in.URL)), "10000", "")
	truthful := 0
	for _, kind := range alipay.TamperKinds() {
		_, err := b.sim.DeliverTampered(t.Context(), "TRUE_1", kind)
		if refused := errors.Is(err, alipay.ErrNotPaid); refused != kind.Truthful() {
			t.Errorf("%s of an unpaid trade: %v", kind, err)
		}
	}
	if o := b.order("TRUE_1"); o.State != alipay.StateWait || b.sim.Book().PaidFen != 0 {
		t.Fatalf("forgeries changed the book: %+v", o)
	}
	b.pay(node["trade_no"].(string))
	for _, kind := range alipay.TamperKinds() {
		if !kind.Truthful() {
			continue
		}
		truthful++
		d, err := b.sim.DeliverTampered(t.Context(), "TRUE_1", kind)
		if err != nil || !d.Accepted {
			t.Fatalf("%s: %+v, %v", kind, d, err)
		}
		got := in.all()
		v := got[len(got)-1].fields()
		for name, want := range map[string]string{
			"out_trade_no": "TRUE_1", "total_amount": "50.00", "receipt_amount": "50.00", "app_id": appID, "seller_id": sellerID,
			"buyer_open_id": b.sim.Buyer(person), "buyer_id": "", "refund_fee": "",
		} {
			if v.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", kind, name, v.Get(name), want)
			}
		}
	}
	if truthful != 6 || b.sim.Count("tamper.accepted") < 5 {
		t.Errorf("%d kinds are truthful", truthful)
	}
}

func TestTamperingRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.create(orderForm("TAMPER_1"))
	b.createTo("TAMPER_2", "")
	for _, c := range []struct {
		no   string
		kind alipay.Tamper
		want error
	}{
		{"TAMPER_1", "bribe", alipay.ErrUnknownTamper},
		{"TAMPER_0", alipay.TamperAltered, alipay.ErrUnknownOrder},
		{"TAMPER_2", alipay.TamperAltered, alipay.ErrNoNotifyURL},
	} {
		_, err := b.sim.DeliverTampered(t.Context(), c.no, c.kind)
		if !errors.Is(err, c.want) {
			t.Errorf("%s as %s: %v, want %v", c.no, c.kind, err, c.want)
		}
	}
	if alipay.Tamper("bribe").Authentic() || alipay.Tamper("bribe").Truthful() {
		t.Error("an unknown kind is trusted")
	}
}
