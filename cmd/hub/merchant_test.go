package main_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"guodu/mocks/alipay"
	"guodu/mocks/wechatpay"
	"guodu/transition"
	"guodu/transition/transitiontest"
)

const (
	newMchID    = "1900000002"
	newSellerID = "2088000000000002"
)

// section is a section of a configuration.
type section map[string]any

// moved is a campus whose hub moves to another merchant of both channels.
type moved struct {
	*campus
	dir    string
	before map[string]any // the configuration
	wechat section        // of the new merchants
	alipay section
	newWX  *wechatpay.Sim
	newAli *alipay.Sim
}

func newMoved(t *testing.T) *moved {
	t.Helper()
	c := newCampus(t, withAlipay)
	m := &moved{campus: c, dir: t.TempDir()}
	text, err := os.ReadFile(c.ConfigFile)
	if err == nil { // more orders are left unpaid here than holders may
		text = append(text, "limits: {unpaid_orders: 50}\n"...)
		err = os.WriteFile(c.ConfigFile, text, 0o600)
	}
	if err == nil {
		err = yaml.Unmarshal(text, &m.before)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.openWeChat()
	m.openAlipay()
	return m
}

func (m *moved) file(name, text string) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *moved) openWeChat() {
	m.t.Helper()
	key, err := wechatpay.GenerateMerchantKey()
	if err != nil {
		m.t.Fatal(err)
	}
	apiv3, secret := newAPIv3(), rand.Text()
	m.newWX, err = wechatpay.New(wechatpay.Options{
		MchID: newMchID, AppID: "wx00000000000next", AppSecret: secret, APIv3Key: apiv3, MerchantSerial: key.Serial, MerchantPublicKey: key.PublicKey,
		AllowLoopbackNotify: true, Seed: 2,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	base, err := m.newWX.Start(m.ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = m.newWX.Close() })
	m.wechat = section{
		"app_id": "wx00000000000next", "app_secret_file": m.file("app.secret", secret), "mch_id": newMchID, "merchant_serial": key.Serial,
		"merchant_key_file": m.file("merchant.pem", string(key.PrivateKeyPEM)), "public_key_id": m.newWX.PublicKeyID(),
		"public_key_file": m.file("wechatpay.pem", string(m.newWX.PublicKeyPEM())), "api_v3_key_file": m.file("api-v3.key", apiv3),
		"api_base": base, "oauth_base": base, "authorize_base": base,
	}
}

func newAPIv3() string { return strings.ToLower(rand.Text() + rand.Text())[:32] }

func (m *moved) openAlipay() {
	m.t.Helper()
	key, err := alipay.GenerateMerchantKey()
	if err != nil {
		m.t.Fatal(err)
	}
	m.newAli, err = alipay.New(alipay.Options{
		AppID: "2021000000000002", SellerID: newSellerID, MerchantPublicKey: key.PublicKey, AllowLoopbackNotify: true, Seed: 2,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	base, err := m.newAli.Start(m.ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = m.newAli.Close() })
	m.alipay = section{
		"app_id": "2021000000000002", "seller_id": newSellerID, "app_key_file": m.file("alipay-app.pem", string(key.PrivateKeyPEM)),
		"public_key_file": m.file("alipay.pem", string(m.newAli.PublicKeyPEM())), "gateway": base + "/gateway.do", "authorize_base": base,
	}
}

// restart runs a hub at the new merchants in place of all others. With former the
// old ones stay configured.
func (m *moved) restart(former bool) *process {
	m.t.Helper()
	m.endHubs()
	old := func(name string) section { return section(m.before[name].(map[string]any)) }
	after := map[string]any{}
	for name, value := range m.before {
		after[name] = value
	}
	wechat, ali := section{}, section{}
	for name, value := range m.wechat {
		wechat[name] = value
	}
	for name, value := range m.alipay {
		ali[name] = value
	}
	if former {
		wechat["former"], ali["former"] = []section{old("wechat")}, []section{old("alipay")}
	} else {
		// What an operator tries first: the signature verifies, and nothing opens.
		wechat["more_public_keys"] = []string{fmt.Sprintf("%s=%s", old("wechat")["public_key_id"], old("wechat")["public_key_file"])}
	}
	after["wechat"], after["alipay"] = wechat, ali
	text, err := yaml.Marshal(after)
	if err != nil {
		m.t.Fatal(err)
	}
	m.ConfigFile = m.file("hub.yaml", string(text))
	p := m.run("", "GUODU_REDIS__ADDRS="+m.redis.Addr(), "GUODU_EPHEMERAL__ADDRS="+m.ephemeral.Addr())
	m.front.only(p.addr)
	return p
}

func (m *moved) mustBe(no string, want transition.OrderState) {
	m.t.Helper()
	if o := m.order(no); o.State != want {
		m.t.Fatalf("order %s of %s is %s, want %s", no, o.Merchant, o.State, want)
	}
}

// told delivers a callback of an old merchant and says whether it was accepted.
func (m *moved) told(channel, no string) bool {
	m.t.Helper()
	_, accepted, err := m.Deliver(m.ctx, channel, no, 1)
	if err != nil {
		m.t.Fatal(err)
	}
	return accepted
}

// overdue ends an order's time: it is expired, and due now if it is due at all.
func (m *moved) overdue(no string) {
	m.t.Helper()
	client := m.redis.Client()
	keys, err := client.Keys(m.ctx, "h:{p??}:o:"+no).Result()
	if err != nil || len(keys) != 1 {
		m.t.Fatalf("keys %v, %v", keys, err)
	}
	past := time.Now().Add(-time.Hour).UnixMilli()
	err = errors.Join(client.HSet(m.ctx, keys[0], "expires", strconv.FormatInt(past, 10)).Err(),
		client.Do(m.ctx, "ZADD", strings.Split(keys[0], ":o:")[0]+":due", "XX", past, no).Err())
	if err != nil {
		m.t.Fatal(err)
	}
}

func TestOrdersOfAMerchantThatTheHubHasLeftAreCreditedOrACase(t *testing.T) {
	t.Parallel()
	m := newMoved(t)
	m.start("")
	wx, ali := m.boundBy("wechat"), m.boundBy("alipay")
	pay := map[string]func(){}
	prepare := func(channel, yuan string) string {
		holder := wx
		if channel == "alipay" {
			holder = ali
		}
		sheet, err := holder.Prepare(m.ctx, yuan)
		if err != nil {
			t.Fatal(err)
		}
		pay[sheet.Order] = func() {
			t.Helper()
			if err := holder.Pay(m.ctx, sheet); err != nil {
				t.Fatal(err)
			}
		}
		return sheet.Order
	}
	w1, w2, w3, w4 := prepare("wechat", "11.00"), prepare("wechat", "12.00"), prepare("wechat", "13.00"), prepare("wechat", "14.00")
	a1, a2, a3 := prepare("alipay", "21.00"), prepare("alipay", "22.00"), prepare("alipay", "23.00")
	lost, lostToo := prepare("wechat", "15.00"), prepare("alipay", "25.00")
	for _, no := range []string{w1, a1} {
		pay[no]() // and nobody is told
	}

	// Moved, and the former merchants stay configured: paid before, paid after, and
	// asked about.
	hub := m.restart(true)
	for _, no := range []string{w2, w3, a2, a3, lost, lostToo} {
		pay[no]()
	}
	for no, channel := range map[string]string{w1: "wechat", a1: "alipay", a2: "alipay"} {
		if !m.told(channel, no) {
			t.Errorf("the callback about %s of %s is refused:\n%s", no, channel, hub.log)
		}
		m.mustBe(no, transition.OrderCredited)
	}
	m.overdue(a3)
	m.until("the former Alipay merchant is asked", func() error {
		if m.order(a3).State != transition.OrderCredited {
			return errors.New("not credited")
		}
		return nil
	})

	// An APIv3 key is replaced: what is sealed with either is opened.
	old := m.before["wechat"].(map[string]any)
	key, err := os.ReadFile(old["api_v3_key_file"].(string))
	if err != nil {
		t.Fatal(err)
	}
	next := newAPIv3()
	old["more_api_v3_key_files"] = []string{m.file("api-v3.old", string(key))}
	old["api_v3_key_file"] = m.file("api-v3.next", next)
	hub = m.restart(true)
	if !m.told("wechat", w2) { // sealed with the old key
		t.Errorf("a callback sealed with the old key is refused:\n%s", hub.log)
	}
	m.mustBe(w2, transition.OrderCredited)
	if err := m.WeChat.SetAPIv3Key(next); err != nil {
		t.Fatal(err)
	}
	if !m.told("wechat", w3) {
		t.Errorf("a callback sealed with the new key is refused:\n%s", hub.log)
	}
	m.mustBe(w3, transition.OrderCredited)
	// The same under way: the file changes, a hangup tells the hub.
	third := newAPIv3()
	if err := os.WriteFile(old["more_api_v3_key_files"].([]string)[0], []byte(third), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := hub.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.until("the hub reads its keys again", func() error {
		if !strings.Contains(hub.log.String(), "channel's keys are in use") {
			return errors.New("not yet")
		}
		return nil
	})
	if err := m.WeChat.SetAPIv3Key(third); err != nil {
		t.Fatal(err)
	}
	pay[w4]()
	if !m.told("wechat", w4) {
		t.Errorf("a callback sealed with a key that was added under way is refused:\n%s", hub.log)
	}
	m.mustBe(w4, transition.OrderCredited)

	// The former merchants are left out: named, refused, a case, and never closed.
	hub = m.restart(false)
	m.until("the hub names what it cannot ask about", func() error {
		for _, merchant := range []string{m.order(lost).Merchant, m.order(lostToo).Merchant} {
			if !strings.Contains(hub.log.String(), merchant) {
				return fmt.Errorf("%s is not named", merchant)
			}
		}
		return nil
	})
	if status, output := m.command("doctor", "--offline"); status != 1 || strings.Count(output, "which is not configured") != 2 {
		t.Errorf("doctor ends with %d:\n%s", status, output)
	}
	for no, channel := range map[string]string{lost: "wechat", lostToo: "alipay"} {
		if m.told(channel, no) {
			t.Errorf("a callback that nobody can read is accepted: %s of %s", no, channel)
		}
		m.overdue(no)
		m.until("a case names the order", func() error {
			status, output := m.command("cases", "list")
			if status != 0 || !strings.Contains(output, channel+":merchant:"+no) {
				return fmt.Errorf("cases list ends with %d:\n%s", status, output)
			}
			return nil
		})
		m.mustBe(no, transition.OrderPrepared)
	}

	// Configured again, they are credited without anybody's doing.
	m.restart(true)
	for _, no := range []string{lost, lostToo} {
		m.overdue(no)
		m.until("the order is credited", func() error {
			if m.order(no).State != transition.OrderCredited {
				return errors.New("not credited")
			}
			return nil
		})
	}
	if books := transitiontest.MustBalance(t, m.inside().Books()); books.Orders != 9 {
		t.Errorf("%d credit entries, want 9", books.Orders)
	}
}
