package wechatpay_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"guodu/mocks/wechatpay"
)

// oddities say what must be wrong with each authentic kind, beside the genuine
// callback of the same order: 5000 fen.
var oddities = map[wechatpay.Tamper]func(n notice, content map[string]any, opened error) bool{
	wechatpay.TamperOtherMchID:     func(_ notice, c map[string]any, _ error) bool { return c["mchid"] != mchID },
	wechatpay.TamperOtherAppID:     func(_ notice, c map[string]any, _ error) bool { return c["appid"] != appID },
	wechatpay.TamperOtherAmount:    func(_ notice, c map[string]any, _ error) bool { return amountOf(c)["total"] == 500000.0 },
	wechatpay.TamperOtherCurrency:  func(_ notice, c map[string]any, _ error) bool { return amountOf(c)["currency"] == "USD" },
	wechatpay.TamperNotSuccess:     func(_ notice, c map[string]any, _ error) bool { return c["trade_state"] == "NOTPAY" },
	wechatpay.TamperUnknownOrder:   func(_ notice, c map[string]any, _ error) bool { return c["out_trade_no"] == "00000000" },
	wechatpay.TamperAmountText:     func(_ notice, c map[string]any, _ error) bool { return amountOf(c)["total"] == "5000" },
	wechatpay.TamperNoResource:     func(n notice, _ map[string]any, _ error) bool { return n.Resource.Ciphertext == "" },
	wechatpay.TamperNonceLength:    func(n notice, _ map[string]any, _ error) bool { return len(n.Resource.Nonce) == 8 },
	wechatpay.TamperOtherAlgorithm: func(n notice, _ map[string]any, _ error) bool { return n.Resource.Algorithm == "AEAD_SM4_GCM" },
	wechatpay.TamperOtherKey: func(n notice, _ map[string]any, opened error) bool {
		return len(n.Resource.Nonce) == 12 && opened != nil && strings.Contains(opened.Error(), "authentication failed")
	},
	wechatpay.TamperEventRefund: func(n notice, _ map[string]any, opened error) bool {
		return n.EventType == "REFUND.SUCCESS" && opened == nil
	},
	wechatpay.TamperEventPayScore: func(n notice, _ map[string]any, opened error) bool {
		return strings.HasPrefix(n.EventType, "PAYSCORE.") && opened == nil
	},
	wechatpay.TamperBrokenPlaintext: func(_ notice, _ map[string]any, opened error) bool {
		var syntax *json.SyntaxError
		return errors.As(opened, &syntax)
	},
}

func amountOf(content map[string]any) map[string]any {
	a, _ := content["amount"].(map[string]any)
	return a
}

func TestAuthenticKindsVerifyAndAreOddInside(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i, kind := range wechatpay.TamperKinds() {
		in := newInbox(t, http.StatusBadRequest)
		no := fmt.Sprintf("TAMP1%03d", i)
		b.paid(orderForm(no).with("notify_url", in.URL+"/n"))
		d, err := b.sim.DeliverTampered(t.Context(), no, kind)
		if err != nil || d.Status != http.StatusBadRequest || d.Accepted {
			t.Errorf("%s: %+v, %v", kind, d, err)
			continue
		}
		p := in.all()[0]
		verified := b.verify(p.header, p.body) == nil
		if !kind.Authentic() {
			continue // that no verifier takes these is proven with the SDK
		}
		if !verified {
			t.Errorf("%s: signature does not verify", kind)
		}
		switch kind {
		case wechatpay.TamperHugeBody:
			if len(p.body) < 10_000_000 {
				t.Errorf("%s: %d bytes", kind, len(p.body))
			}
		case wechatpay.TamperNotJSON:
			if json.Valid(p.body) {
				t.Errorf("%s: body is JSON", kind)
			}
		default:
			n := p.read(t)
			content, opened := n.open()
			if oddities[kind] == nil || !oddities[kind](n, content, opened) {
				t.Errorf("%s: nothing odd in %s, %v, %v", kind, p.body, content, opened)
			}
		}
	}
}

func TestTamperedCallbacksStayOutOfTheOrdersBook(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusOK)
	b.paid(orderForm("TAMP0002").with("notify_url", in.URL+"/n"))
	d, err := b.sim.DeliverTampered(t.Context(), "TAMP0002", wechatpay.TamperOtherAmount)
	if err != nil || !d.Accepted {
		t.Fatalf("delivery is %+v, %v", d, err)
	}
	o, _ := b.sim.Book().Order("TAMP0002")
	if o.CallbacksSent != 0 || b.sim.Count("callback.sent") != 0 {
		t.Fatalf("book has %+v", o)
	}
	if b.sim.Count("tamper.sent") != 1 || b.sim.Count("tamper.accepted") != 1 {
		t.Fatalf("counts are %v", b.sim.Book().Counts)
	}
}

func TestForgedCallbackOfAnUnpaidOrderLeavesItUnpaid(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	in := newInbox(t, http.StatusUnauthorized)
	b.prepay(orderForm("TAMP0003").with("notify_url", in.URL+"/n"))
	_, err := b.sim.DeliverTampered(t.Context(), "TAMP0003", wechatpay.TamperWrongSignature)
	if err != nil {
		t.Fatal(err)
	}
	content, err := in.all()[0].read(t).open()
	if id, _ := content["transaction_id"].(string); err != nil || content["trade_state"] != "SUCCESS" || len(id) != 28 {
		t.Fatalf("the forgery claims %v, %v", content, err)
	}
	o, _ := b.sim.Book().Order("TAMP0003")
	if o.State != wechatpay.StateNotPay || o.TransactionID != "" || b.sim.Book().PaidFen != 0 {
		t.Fatalf("book has %+v", o)
	}
}

func TestTamperNeedsAKnownOrderAndKind(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.prepay(orderForm("TAMP0004"))
	_, err := b.sim.DeliverTampered(t.Context(), "TAMP0009", wechatpay.TamperBody)
	if !errors.Is(err, wechatpay.ErrUnknownOrder) {
		t.Errorf("unknown order: %v", err)
	}
	_, err = b.sim.DeliverTampered(t.Context(), "TAMP0004", "no-such-kind")
	if !errors.Is(err, wechatpay.ErrUnknownTamper) {
		t.Errorf("unknown kind: %v", err)
	}
}
