package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"guodu/cmd/demo/show"
	"guodu/cmd/demo/stage"
	"guodu/cmd/demo/world"
)

// theatre is the page as the demo shows it, with a browser before it.
type theatre struct {
	*stage.Stage
	*browser
}

func openTheatre(t *testing.T, path string, width, height int) *theatre {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	log := slog.New(slog.DiscardHandler)
	p := show.New(show.Options{Pace: 150 * time.Millisecond, Log: log})
	s, err := stage.Open(ctx, stage.Options{Log: log, Hear: p.Hear})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if err := p.Play(ctx, s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	t.Logf("seeds: WeChat Pay %d, Alipay %d", s.World.WeChat.Seed(), s.World.Alipay.Seed())
	th := &theatre{s, openBrowser(t, width, height)}
	th.open(s.URL + path)
	th.until("the page to hear from the server", `document.getElementById('lcd').textContent !== ''`)
	return th
}

// bind opens an app, and binds.
func (th *theatre) bind(channel string) {
	th.t.Helper()
	web := "web-" + channel
	th.click("", "[data-app="+channel+"]")
	th.click("", "[data-open='"+channel+"/bind']")
	th.fill(web, "#username", world.Username)
	th.fill(web, "#password", world.Password)
	th.click(web, "button[type=submit]")
	th.until("the bound page", inFrame(web, `doc.querySelector('.weui-icon-success') !== null`))
}

// recharge fills the form and confirms the pay sheet.
func (th *theatre) recharge(channel, yuan string) {
	th.t.Helper()
	web := "web-" + channel
	th.click("", "[data-app="+channel+"]")
	th.click("", "[data-open='"+channel+"/recharge']")
	th.fill(web, "#amount", yuan)
	th.click(web, "button[type=submit]")
	th.click(web, "#pay")
	th.until("the pay sheet", `!document.getElementById('sheet').hidden && document.getElementById('yuan').textContent === '`+yuan+`'`)
	th.click("", "#confirm")
	th.until("the sheet to close", `document.getElementById('sheet').hidden`)
}

// settled waits until the order's page in an app says that it is paid.
func (th *theatre) settled(channel string) {
	th.t.Helper()
	th.until("the order's page to say that it is paid", inFrame("web-"+channel, `doc.querySelector('.weui-icon-success') !== null`))
}

// press presses a button of the page that only arms, and waits until it is seen.
func (th *theatre) arm(what string) {
	th.t.Helper()
	th.click("", "[data-do="+what+"]")
	th.until(what+" to be armed", `document.querySelector('[data-do=`+what+`]').className.indexOf('armed') >= 0`)
}

// counted waits until a misbehaviour has happened n times.
func (th *theatre) counted(what string, n int) {
	th.t.Helper()
	th.until(fmt.Sprintf("%s to happen %d times", what, n), fmt.Sprintf(`document.getElementById('done-%s').textContent === '%d'`, what, n))
}

// at waits until a place holds an amount.
func (th *theatre) at(place, yuan string) {
	th.t.Helper()
	th.until(yuan+" at "+place, `document.querySelector('#at-`+place+` output').textContent === '`+yuan+`'`)
}

// tap lays the card on the reader and waits until it is back.
func (th *theatre) tap() {
	th.t.Helper()
	th.click("", "#do-tap")
	th.until("the card on the reader", `document.body.dataset.busy === 'true'`)
	th.until("the card back", `document.body.dataset.busy === 'false'`)
}

func inFrame(frame, expression string) string {
	return fmt.Sprintf(`(function () { var doc = document.getElementById(%q).contentDocument; return !!doc && doc.readyState === 'complete' && (%s); })()`, frame, expression)
}

// holds is the account at the end: by the page, and by the three books.
func (th *theatre) holds(paid string) {
	th.t.Helper()
	th.until("the account to hold", `document.getElementById('account').textContent.indexOf('✓') > 0`)
	card, err := th.World.CardBalance()
	if err != nil {
		th.t.Fatal(err)
	}
	if card.Yuan() != paid || int64(card) != th.World.PaidFen() {
		th.t.Errorf("the card holds %s, the channels took %d fen, want %s", card.Yuan(), th.World.PaidFen(), paid)
	}
	if _, err := th.Operator.Books().Verify(th.ctx); err != nil {
		th.t.Errorf("the books: %v", err)
	}
}

func TestTheWholeStoryIsClickedInARealBrowser(t *testing.T) {
	t.Parallel()
	th := openTheatre(t, "/", 1360, 980)
	// WeChat, as it should be.
	th.bind("wechat")
	th.recharge("wechat", "50.00")
	th.settled("wechat")
	th.at("pending", "50.00")
	th.picture("demo-paid")
	th.tap()
	th.at("card", "50.00")

	// Alipay, and its callback is lost: the hub asks.
	th.bind("alipay")
	th.arm("lose")
	th.recharge("alipay", "20.00")
	th.at("flying", "20.00")
	th.at("pending", "20.00")
	th.settled("alipay")
	th.counted("lose", 1)
	book, _ := th.World.Alipay.Book().Order(th.World.PaidOrders()[1])
	if book.CallbacksSent != 0 || th.World.Alipay.Count("query") == 0 {
		t.Errorf("%d callbacks sent, %d queries", book.CallbacksSent, th.World.Alipay.Count("query"))
	}

	// The card is pulled before it is written: nothing is on it, nothing is lost.
	th.arm("pull")
	th.tap()
	th.counted("pull", 1)
	th.at("held", "20.00")
	th.at("card", "50.00")

	// The next tap writes the same load, and the power goes before the terminal
	// can tell. It comes back, and the tap after that proves it.
	th.arm("power")
	th.click("", "#do-tap")
	th.counted("power", 1)
	th.at("card", "70.00")
	th.click("", "[data-do=power]")
	th.until("the terminal to be on", `document.getElementById('runs-terminal').className.indexOf('dead') < 0`)
	th.until("its journal to be sent", `document.body.dataset.busy === 'false'`)
	th.tap()
	th.at("held", "0.00")
	th.at("card", "70.00")

	// The same callback twice: one credit.
	th.arm("twice")
	th.recharge("wechat", "30.00")
	th.counted("twice", 1)
	th.at("pending", "30.00")
	th.settled("wechat")
	if sent, accepted := th.World.WeChat.Count("callback.sent"), th.World.WeChat.Count("callback.accepted"); sent != 3 || accepted != 3 {
		t.Errorf("WeChat Pay sent %d callbacks, %d were accepted, want 3 and 3", sent, accepted)
	}

	// Redis and the hub die by SIGKILL while the money waits.
	th.click("", "[data-do=redis]")
	th.counted("redis", 1)
	th.tap() // no load now
	th.click("", "[data-do=hub]")
	th.counted("hub", 1)
	th.picture("demo-killed")
	th.click("", "[data-do=redis]")
	th.until("Redis to be back", `document.getElementById('runs-redis').className.indexOf('dead') < 0`)
	th.click("", "[data-do=hub]")
	th.until("the hub to be back", `document.getElementById('runs-hub').className.indexOf('dead') < 0`)
	th.at("pending", "30.00")
	th.tap()
	th.at("card", "100.00")
	th.holds("100.00")
	t.Logf("result: 100.00 paid by two apps, a lost and a repeated callback, a pulled card, a power cut, Redis and hub killed: 100.00 on the card")
}

func TestThePageWorksOnAPhoneSizedWindowAndInEnglish(t *testing.T) {
	t.Parallel()
	th := openTheatre(t, "/?lang=en", 390, 844)
	th.until("English", `document.documentElement.lang === 'en'`)
	th.until("no sideways scrolling", `document.documentElement.scrollWidth <= 390`)
	th.bind("alipay")
	th.until("the hub's page in English", inFrame("web-alipay", `doc.documentElement.lang === 'en'`))
	th.recharge("alipay", "12.34")
	th.settled("alipay")
	th.at("pending", "12.34")
	th.picture("demo-phone")
	th.tap()
	th.at("card", "12.34")
	th.until("no sideways scrolling", `document.documentElement.scrollWidth <= 390`)
	th.holds("12.34")
}

func TestThePaySheetCanBeCancelled(t *testing.T) {
	t.Parallel()
	th := openTheatre(t, "/", 1360, 980)
	th.bind("wechat")
	th.click("", "[data-open='wechat/recharge']")
	th.fill("web-wechat", "#amount", "5.00")
	th.click("web-wechat", "button[type=submit]")
	th.click("web-wechat", "#pay")
	th.click("", "#cancel")
	th.until("the order's page to wait", inFrame("web-wechat", `doc.querySelector('.weui-icon-waiting') !== null`))
	if th.World.PaidFen() != 0 {
		t.Errorf("%d fen are paid", th.World.PaidFen())
	}
}
