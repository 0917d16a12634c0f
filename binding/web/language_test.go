package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"guodu/transition"
	"guodu/transition/recharge"
)

var han = regexp.MustCompile(`\p{Han}+`)

// TestThePagesSpeakEnglishToThoseWhoAsk walks the pages after the switch was
// used once, and finds no Chinese but the way back to it.
func TestThePagesSpeakEnglishToThoseWhoAsk(t *testing.T) {
	t.Parallel()
	w := start(t)
	b := w.holder()
	b.open("/h5/wechat/card").want(http.StatusOK, "我的一卡通", `href="/h5/wechat/card?lang=en"`)
	b.open("/h5/wechat/card?lang=xx").want(http.StatusOK, "我的一卡通")
	b.open("/h5/wechat/card?lang=en").want(http.StatusOK, "My card", `href="/h5/wechat/card?lang=zh"`, `lang="en"`)
	w.credited()
	paid := w.paidTwice().Second
	w.put(func(a *transition.Account) {
		a.Unpaid = transition.UnpaidOrder{No: "x", Channel: "wechat", Amount: 700, Payer: payer("zhang").ID, Expires: time.Now().Add(time.Minute)}
	})
	w.orders.refund = func(wish recharge.RefundWish) (transition.RefundOrder, error) {
		return transition.RefundOrder{Amount: wish.Amount, State: transition.RefundHeld}, nil
	}
	back := b.open("/h5/wechat/refunds")
	back.want(http.StatusOK, "Give it back")
	form := b.open("/h5/wechat/recharge")
	form.want(http.StatusOK, "Recharge now", "Go on with it")
	w.put(func(a *transition.Account) { a.Quota, a.Unpaid.Expires = used(100_000), time.Now() })
	full := b.open("/h5/wechat/recharge")
	full.want(http.StatusOK, "used up")
	w.put(func(a *transition.Account) { a.Quota = transition.Quota{} })
	for name, p := range map[string]page{
		"refunds": back, "refunded": b.submit(back, "amount", "1"), "bad refund": b.submit(back, "amount", "x"),
		"card": b.open("/h5/wechat/card"), "paid twice": b.open("/h5/wechat/orders/" + string(paid.No)), "full": full, "form": form, "bad amount": b.submit(form, "amount", "1e2"),
		"pay": b.submit(form, "amount", "5"), "no order": b.open("/h5/wechat/orders/x"), "nothing": b.open("/h5/wechat/x"),
	} {
		left := strings.ReplaceAll(p.body, "中文", "")
		if found := han.FindAllString(left, -1); len(found) > 0 {
			t.Errorf("%s still says %v", name, found)
		}
	}
	b.open("/h5/wechat/card?lang=zh").want(http.StatusOK, "我的一卡通", `lang="zh-CN"`)
}

func TestWeUIIsTheFileThatItsSourceNames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("static/weui/weui.min.css")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("static/weui/SOURCE.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if !strings.Contains(string(source), hex.EncodeToString(sum[:])) {
		t.Errorf("weui.min.css has the checksum %x, which SOURCE.md does not name", sum)
	}
}
