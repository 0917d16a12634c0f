package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

var (
	// ErrPage says that a page is not the one that a person would expect; the
	// error holds what it said.
	ErrPage = errors.New("phone: unexpected page")
	// ErrCashier says that the cashier did not take the payment.
	ErrCashier = errors.New("phone: not paid")
)

// pageMax bounds a page in bytes.
const pageMax = 1 << 20

// Options say whose phone it is and what it talks to.
type Options struct {
	Hub     string        // the pages, for example http://127.0.0.1:8080
	Cashier string        // the channel's simulator
	Person  string        // who holds it, as the simulator names people
	Channel string        // "wechat" or "alipay": in which app
	Outside bool          // in an ordinary browser instead; only Alipay can be paid there
	Timeout time.Duration // of a request; ten seconds if zero
	// Transport is how requests go out; http.DefaultTransport if nil.
	Transport http.RoundTripper
}

// Phone is one person's phone.
type Phone struct {
	options Options
	client  *http.Client
}

// New returns a phone without cookies.
func New(o Options) (*Phone, error) {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	cashier, err := url.Parse(o.Cashier)
	if err != nil {
		return nil, fmt.Errorf("phone: cashier: %w", err)
	}
	// The person is logged in to the app, not to the university.
	jar.SetCookies(cashier, []*http.Cookie{{Name: "sim_person", Value: o.Person, Path: "/"}})
	return &Phone{options: o, client: &http.Client{Jar: jar, Timeout: o.Timeout, Transport: o.Transport}}, nil
}

// Bind opens the bind page and logs in at the university.
// Errors: ErrPage with what the page says.
func (p *Phone) Bind(ctx context.Context, username, password string) error {
	first, err := p.get(ctx, "bind")
	if err != nil {
		return err
	}
	f, ok := first.form("password")
	if !ok {
		return unexpected(first)
	}
	f.values.Set("username", username)
	f.values.Set("password", password)
	second, err := p.post(ctx, first, f)
	if err != nil {
		return err
	}
	if second.status != http.StatusOK || !strings.Contains(second.text(), "绑定成功") {
		return unexpected(second)
	}
	return nil
}

// Sheet is an order that waits to be paid: in the app, with what the pay sheet
// is opened with, or on a page of the channel's own.
type Sheet struct {
	Order  string
	Params map[string]string
	Page   string // its address, outside the app
}

// Prepare fills the recharge form, amount in yuan, and gets the pay sheet.
// Errors: ErrPage with what the page says.
func (p *Phone) Prepare(ctx context.Context, yuan string) (Sheet, error) {
	first, err := p.get(ctx, "recharge")
	if err != nil {
		return Sheet{}, err
	}
	f, ok := first.form("amount")
	if !ok {
		return Sheet{}, unexpected(first)
	}
	f.values.Set("amount", yuan)
	second, err := p.post(ctx, first, f)
	if err != nil {
		return Sheet{}, err
	}
	s := Sheet{Order: orderOf(second), Page: second.pay()}
	s.Params, ok = second.sheet()
	if !ok && s.Page == "" {
		return Sheet{}, unexpected(second)
	}
	return s, nil
}

// orderOf finds the order's number in the link to its page.
func orderOf(p page) string {
	order := ""
	p.walk(func(n *html.Node) {
		if _, number, found := strings.Cut(attribute(n, "href"), "/orders/"); found {
			order = number
		}
	})
	return order
}

// Pay confirms the sheet in the app's cashier, or pays on the channel's page.
// Errors: ErrCashier with the cashier's reason; ErrPage.
func (p *Phone) Pay(ctx context.Context, s Sheet) error {
	if s.Page != "" {
		return p.payOutside(ctx, s)
	}
	question := map[string]string{"person": p.options.Person}
	for name, value := range s.Params {
		question[name] = value
	}
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.options.Cashier+"/_sim/cashier", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := p.client.Do(r)
	if err != nil {
		return fmt.Errorf("phone: cashier: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, pageMax))
	if err != nil {
		return fmt.Errorf("phone: cashier: %w", err)
	}
	var said struct {
		ErrMsg     string `json:"err_msg"`    // WeChat's word
		ResultCode string `json:"resultCode"` // Alipay's
	}
	if err := json.Unmarshal(text, &said); err != nil || said.ErrMsg != "get_brand_wcpay_request:ok" && said.ResultCode != "9000" {
		return fmt.Errorf("%w: %.300s", ErrCashier, text)
	}
	return nil
}

// Recharge is the whole way from the form to the paid order; it returns the
// order's number.
func (p *Phone) Recharge(ctx context.Context, yuan string) (string, error) {
	s, err := p.Prepare(ctx, yuan)
	if err != nil {
		return "", err
	}
	return s.Order, p.Pay(ctx, s)
}

// Refund opens the refunds page and gives an amount in yuan of the first order
// there back; "" is what the page proposes. It returns what the page says then.
// Errors: ErrPage with what the page says.
func (p *Phone) Refund(ctx context.Context, yuan string) (string, error) {
	first, err := p.get(ctx, "refunds")
	if err != nil {
		return "", err
	}
	f, ok := first.form("order")
	if !ok {
		return "", unexpected(first)
	}
	if yuan != "" {
		f.values.Set("amount", yuan)
	}
	second, err := p.post(ctx, first, f)
	if err != nil {
		return "", err
	}
	if second.status != http.StatusOK {
		return "", unexpected(second)
	}
	return second.text(), nil
}

// Read opens a page, such as "card" or "orders/NO", and returns its text.
func (p *Phone) Read(ctx context.Context, name string) (string, error) {
	got, err := p.get(ctx, name)
	if err != nil {
		return "", err
	}
	if got.status != http.StatusOK {
		return "", unexpected(got)
	}
	return got.text(), nil
}

func (p *Phone) get(ctx context.Context, name string) (page, error) {
	return p.visit(ctx, p.options.Hub+"/h5/"+p.options.Channel+"/"+name)
}

func (p *Phone) visit(ctx context.Context, address string) (page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return page{}, fmt.Errorf("phone: %w", err)
	}
	return p.load(r)
}

func (p *Phone) post(ctx context.Context, from page, f form) (page, error) {
	target, err := from.at.Parse(f.action)
	if err != nil {
		return page{}, fmt.Errorf("phone: form: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(f.values.Encode()))
	if err != nil {
		return page{}, fmt.Errorf("phone: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.load(r)
}

// agents are what the browsers call themselves.
const (
	agentBrowser = "Mozilla/5.0 (Linux; Android 15) Mobile"
	agentWeChat  = agentBrowser + " MicroMessenger/8.0"
	agentAlipay  = agentBrowser + " AlipayClient/10.7"
)

func (p *Phone) load(r *http.Request) (page, error) {
	agent := map[string]string{"wechat": agentWeChat, "alipay": agentAlipay}[p.options.Channel]
	if p.options.Outside {
		agent = agentBrowser
	}
	r.Header.Set("User-Agent", agent)
	answer, err := p.client.Do(r)
	if err != nil {
		return page{}, fmt.Errorf("phone: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	root, err := html.Parse(io.LimitReader(answer.Body, pageMax))
	if err != nil {
		return page{}, fmt.Errorf("phone: %s: %w", r.URL.Path, err)
	}
	return page{status: answer.StatusCode, at: answer.Request.URL, root: root}, nil
}

func unexpected(p page) error {
	return fmt.Errorf("%w: %s, status %d: %.300s", ErrPage, p.at.Path, p.status, p.text())
}
