package show

import (
	"fmt"
	"strconv"
	"strings"

	"guodu/cmd/demo/stage"
	"guodu/internal/fen"
)

// words tells a line of the hub's log so that anybody understands it. tone is
// "good", "bad" or nothing; lines that say nothing to a spectator are left out.
func words(l stage.Line) (text phrase, tone string, ok bool) {
	name := appName(l.Text("channel"))
	yuan := inYuan(l.Text("amount_fen"))
	order, load := l.Text("order"), l.Text("load")
	switch l.Message {
	case "hub serves":
		return phrase{"hub 启动，开始服务", "The hub serves"}, "good", true
	case "bound":
		return phrase{fmt.Sprintf("账户 %s 已绑定%s", l.Text("account"), name.ZH), fmt.Sprintf("Account %s is bound to %s", l.Text("account"), name.EN)}, "good", true
	case "unbound":
		return phrase{fmt.Sprintf("账户 %s 已解除%s绑定", l.Text("account"), name.ZH), fmt.Sprintf("Account %s is no longer bound to %s", l.Text("account"), name.EN)}, "", true
	case "order":
		return phrase{fmt.Sprintf("建立订单 %s，%s 元，已向%s预下单", order, yuan, name.ZH), fmt.Sprintf("Order %s of %s yuan is made and told to %s", order, yuan, name.EN)}, "", l.Text("new") == "true"
	case "settle":
		return settled(l, order, yuan)
	case "callback":
		if l.Text("verdict") == "accepted" || l.Text("error") == "" {
			return phrase{}, "", false // "settle" has said it
		}
		return phrase{"hub 没有接受回调：" + brief(l.Text("error")), "The hub did not accept a callback: " + brief(l.Text("error"))}, "bad", true
	case "tap":
		return tapped(l, load, yuan)
	case "result":
		return phrase{
			fmt.Sprintf("收到圈存 %s 的结果：%s，状态 %s", load, l.Text("outcome"), l.Text("state")),
			fmt.Sprintf("The terminal reports load %s: %s, its state is %s", load, l.Text("outcome"), l.Text("state")),
		}, "good", true
	case "refund":
		return phrase{fmt.Sprintf("冻结 %s 元用于退款 %s，已请%s退回", yuan, l.Text("refund"), name.ZH), fmt.Sprintf("%s yuan are held for refund %s, %s is asked", yuan, l.Text("refund"), name.EN)}, "", l.Text("new") == "true"
	case "refund settle":
		if l.Text("outcome") == "refunded" {
			return phrase{fmt.Sprintf("%s已退款 %s 元，出账", name.ZH, yuan), fmt.Sprintf("%s has given %s yuan back, they leave the books", name.EN, yuan)}, "good", true
		}
		return phrase{}, "", false
	case "case":
		return phrase{"转人工处理：" + l.Text("kind"), "A case for a person: " + l.Text("kind")}, "bad", true
	}
	if l.Text("level") == "ERROR" && strings.Contains(l.Text("error"), "redis: unavailable") {
		return phrase{"hub 连不上 Redis：不动一分钱，请对方稍后再来", "The hub cannot reach Redis: it moves nothing and asks to come again"}, "bad", true
	}
	if l.Text("level") == "ERROR" {
		return phrase{"hub 报告：" + l.Message + " " + brief(l.Text("error")), "The hub reports: " + l.Message + " " + brief(l.Text("error"))}, "bad", true
	}
	return phrase{}, "", false
}

// settled is what became of a payment, and who told.
func settled(l stage.Line, order, yuan string) (text phrase, tone string, ok bool) {
	how := map[string]phrase{
		"callback": {"收到签名正确的回调", "A callback with a good signature"}, "query": {"没有等到回调，主动查询", "No callback came, so the hub asked"},
	}[l.Text("source")]
	switch l.Text("outcome") {
	case "credited":
		return phrase{
			fmt.Sprintf("%s：订单 %s 入账 %s 元，进入过渡余额", how.ZH, order, yuan), fmt.Sprintf("%s: order %s is credited, %s yuan are in the transition balance", how.EN, order, yuan),
		}, "good", true
	case "duplicate":
		return phrase{
			fmt.Sprintf("%s：订单 %s 早已入账，不再入账", how.ZH, order), fmt.Sprintf("%s: order %s was credited before, nothing moves", how.EN, order),
		}, "good", true
	}
	return phrase{}, "", false
}

// tapped is what a terminal was told.
func tapped(l stage.Line, load, yuan string) (text phrase, tone string, ok bool) {
	confirmed := l.Text("confirmed")
	if confirmed != "" {
		text = phrase{fmt.Sprintf("卡上的计数器证明圈存 %s 已写卡；", confirmed), fmt.Sprintf("The card's counter proves that load %s was written. ", confirmed)}
	}
	switch {
	case load == "":
		reason := told(l.Text("reason"))
		return phrase{text.ZH + reason.ZH, text.EN + reason.EN}, "", confirmed != ""
	case l.Text("attempt") != "1":
		return phrase{
			text.ZH + fmt.Sprintf("卡上没有圈存 %s：再次授权同一笔 %s 元（第 %s 次）", load, yuan, l.Text("attempt")),
			text.EN + fmt.Sprintf("The card does not have load %s: the same %s yuan are authorised once more (attempt %s)", load, yuan, l.Text("attempt")),
		}, "", true
	}
	return phrase{
		text.ZH + fmt.Sprintf("授权圈存 %s，%s 元转为写卡中", load, yuan), text.EN + fmt.Sprintf("Load %s is authorised, %s yuan are held for it", load, yuan),
	}, "", true
}

func inYuan(amount string) string {
	n, err := strconv.ParseInt(amount, 10, 64)
	if err != nil {
		return amount
	}
	return fen.Fen(n).Yuan()
}

// brief is the start of an error.
func brief(text string) string {
	runes := []rune(text)
	if len(runes) > 120 {
		return string(runes[:120]) + "…"
	}
	return text
}
