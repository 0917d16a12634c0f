package show

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"guodu/cmd/demo/world"
	"guodu/internal/fen"
)

// inApp plays the app's browser for pages that are opened in the page's phone:
// they may stand in its frame, and they find the app's script bridge.
func inApp(hub http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Dest") != "iframe" {
			hub.ServeHTTP(w, r)
			return
		}
		r.Header.Set("User-Agent", r.UserAgent()+appAgent(r.URL.Path))
		c := &capture{header: http.Header{}, status: http.StatusOK}
		hub.ServeHTTP(c, r)
		body := c.body.Bytes()
		if strings.HasPrefix(c.header.Get("Content-Type"), "text/html") {
			c.header.Del("X-Frame-Options")
			c.header.Del("Content-Length")
			policy := strings.ReplaceAll(c.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", "frame-ancestors 'self'")
			c.header.Set("Content-Security-Policy", policy)
			body = bytes.Replace(body, []byte("</head>"), []byte(`<script src="/demo/static/bridge.js"></script></head>`), 1)
		}
		for name, values := range c.header {
			w.Header()[name] = values
		}
		w.WriteHeader(c.status)
		_, _ = w.Write(body) // the phone may be gone
	})
}

// appAgent is what the app of a page adds to the browser's name for itself.
func appAgent(path string) string {
	if strings.HasPrefix(path, "/h5/alipay/") {
		return " AlipayClient/10.7"
	}
	return " MicroMessenger/8.0"
}

// capture holds an answer back; the hub's pages are small.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header { return c.header }

func (c *capture) WriteHeader(status int) { c.status = status }

func (c *capture) Write(p []byte) (int, error) { return c.body.Write(p) }

// appName is an app's name for people.
func appName(channel string) phrase {
	if channel == "alipay" {
		return phrase{"支付宝", "Alipay"}
	}
	return phrase{"微信支付", "WeChat Pay"}
}

// sheet says what the app's pay sheet shows for an order: the amount as the
// channel knows it.
func (s *Show) sheet(w http.ResponseWriter, r *http.Request) {
	total, found := s.stage.World.Asked(r.URL.Query().Get("channel"), r.URL.Query().Get("order"))
	if !found {
		http.Error(w, "the channel knows no such order", http.StatusNotFound)
		return
	}
	reply(w, map[string]string{"yuan": fen.Fen(total).Yuan()})
}

// pay is the holder confirming the pay sheet: the page's parameters go to the
// cashier of the channel as the app would hand them over, and what the cashier
// says goes back to the page.
func (s *Show) pay(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Channel string            `json:"channel"`
		Order   string            `json:"order"`
		Params  map[string]string `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	total, known := s.stage.World.Asked(ask.Channel, ask.Order)
	if !known {
		http.Error(w, "the channel knows no such order", http.StatusNotFound)
		return
	}
	said, err := s.cashier(ask.Channel, ask.Params)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	name := appName(ask.Channel)
	if paid(said) {
		s.say("channel", "good", phrase{
			fmt.Sprintf("%s收到付款 %s 元，订单 %s", name.ZH, fen.Fen(total).Yuan(), ask.Order),
			fmt.Sprintf("%s took %s yuan for order %s", name.EN, fen.Fen(total).Yuan(), ask.Order),
		})
		s.courier.carry(ask.Channel, ask.Order)
	} else {
		s.say("channel", "bad", phrase{
			fmt.Sprintf("%s没有收款：%s", name.ZH, reason(said)), fmt.Sprintf("%s took no money: %s", name.EN, reason(said)),
		})
	}
	reply(w, said)
}

// cashier hands the pay sheet's parameters to the simulator, over HTTP as any
// page would.
func (s *Show) cashier(channel string, params map[string]string) (map[string]any, error) {
	question := map[string]string{"person": world.Person}
	for name, value := range params {
		question[name] = value
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	base := map[string]string{"wechat": s.stage.World.WeChatURL, "alipay": s.stage.World.AlipayURL}[channel]
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, base+"/_sim/cashier", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	var said map[string]any
	return said, errors.Join(err, json.Unmarshal(text, &said))
}

// paid reads the two apps' words for it.
func paid(said map[string]any) bool {
	return said["err_msg"] == "get_brand_wcpay_request:ok" || said["resultCode"] == "9000"
}

// reason is why an app did not pay, as it puts it.
func reason(said map[string]any) string {
	for _, name := range []string{"err_desc", "memo", "err_msg", "resultCode"} {
		if text, _ := said[name].(string); text != "" {
			return strconv.Quote(text)
		}
	}
	return "?"
}

// reply answers with JSON.
func reply(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what) // the page may be gone
}
