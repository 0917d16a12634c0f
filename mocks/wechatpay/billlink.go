package wechatpay

import (
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/url"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	kindOfLink   = "bill"
	realHost     = "https://api.mch.weixin.qq.com"
	linkChars    = 72
	typeGzip     = "application/x-gzip"
	tarGzip      = "GZIP"
	extraFen     = 4321
	keptLinks    = 1000
	wrongBillFen = 1
)

// link is a bill that can be downloaded, once and for a while.
type link struct {
	Text  []byte    `json:"text"`
	Gzip  bool      `json:"gzip,omitempty"`
	Until time.Time `json:"until"`
	Used  bool      `json:"used,omitempty"`
}

type links struct {
	store *sim.Store

	mu      sync.Mutex
	byToken map[string]*link
	order   []string
}

func loadLinks(store *sim.Store) (*links, error) {
	l := &links{store: store, byToken: map[string]*link{}}
	return l, sim.Each(store, kindOfLink, func(token string, k link) error {
		l.byToken[token] = &k
		l.order = append(l.order, token)
		return nil
	})
}

func (l *links) add(token string, k link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byToken[token] = &k
	l.order = append(l.order, token)
	l.store.Put(kindOfLink, token, k)
	if len(l.order) > keptLinks {
		delete(l.byToken, l.order[0])
		l.store.Forget(kindOfLink, l.order[0])
		l.order = l.order[1:]
	}
}

// take uses a link up.
func (l *links) take(token string, now time.Time) (link, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.byToken[token]
	if k == nil || k.Used || !now.Before(k.Until) {
		return link{}, false
	}
	out := *k
	k.Used, k.Text = true, nil
	l.store.Put(kindOfLink, token, k)
	return out, true
}

// tradeBill is 申请交易账单.
func (s *Sim) tradeBill(c *sim.Call) answer {
	q := c.Request.URL.Query()
	kind := q.Get("bill_type")
	if kind == "" {
		kind = billAll
	}
	if kind != billAll && kind != billSuccess && kind != billRefund {
		return wrongURL("/bill_type", kind, "账单类型有误").answer()
	}
	day, wrong := s.askedDay(q)
	if wrong != nil {
		return wrong.answer()
	}
	var rows []billEntry
	for _, e := range s.trade(day) {
		if kind == billAll || (kind == billRefund) == (e.refund != nil) {
			rows = append(rows, e)
		}
	}
	if len(rows) == 0 && s.does(BBills) {
		return noStatement().answer()
	}
	rows = s.spoilTrade(rows, day, c.Fault.Kind)
	if s.does(BLiveBills) && !s.opts.Profile.BillInOrder {
		whims := sim.NewWhims(s.opts.Seed, kind+" "+q.Get("bill_date"))
		whims.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return s.offerBill(c, s.tradeTable(rows, kind), q)
}

// spoilTrade makes a bill disagree with the callbacks.
func (s *Sim) spoilTrade(rows []billEntry, day billDay, kind FaultKind) []billEntry {
	switch {
	case kind == FaultRowMissing && len(rows) > 0:
		return rows[1:]
	case kind == FaultRowExtra:
		at := day.from.Add(12 * time.Hour)
		extra := order{State: StateSuccess, PaidAt: at, TransactionID: s.transactionID(at)}
		extra.OutTradeNo, extra.TradeType, extra.TotalFen = "UNKNOWN"+s.dice.Draw(sim.Digits, 10), tradeTypeJSAPI, extraFen
		extra.Openid, extra.Description = OpenID(s.opts.AppID, "somebody"), "校园卡充值"
		return append(rows, billEntry{order: extra, at: at})
	case kind == FaultRowAmount && len(rows) > 0:
		if rows[0].refund != nil {
			rows[0].refund.Fen += wrongBillFen
		}
		rows[0].order.TotalFen += wrongBillFen
	}
	return rows
}

// fundFlowBill is 申请资金账单.
func (s *Sim) fundFlowBill(c *sim.Call) answer {
	q := c.Request.URL.Query()
	account := q.Get("account_type")
	if account != "" && account != "BASIC" && account != "OPERATION" && account != "FEES" {
		return wrongURL("/account_type", account, "资金账户类型有误").answer()
	}
	day, wrong := s.askedDay(q)
	if wrong != nil {
		return wrong.answer()
	}
	var rows []flowEntry
	for _, e := range s.flow() {
		if day.has(e.at) && (account == "" || account == "BASIC") {
			rows = append(rows, e)
		}
	}
	if len(rows) == 0 && s.does(BBills) {
		return noStatement().answer()
	}
	switch {
	case c.Fault.Kind == FaultRowMissing && len(rows) > 0:
		rows = rows[1:]
	case c.Fault.Kind == FaultRowExtra:
		at := day.from.Add(12 * time.Hour)
		no := s.transactionID(at)
		rows = append(rows, flowEntry{at: at, business: no, transaction: no, name: "交易", fen: extraFen, by: "system"})
	case c.Fault.Kind == FaultRowAmount && len(rows) > 0:
		rows[0].fen += wrongBillFen
	}
	return s.offerBill(c, s.flowTable(rows), q)
}

func noStatement() *refusal {
	return refuse(http.StatusBadRequest, numberOther, "NO_STATEMENT_EXIST", "账单不存在")
}

// askedDay says which day's bill is asked for, if it can be had now.
func (s *Sim) askedDay(q url.Values) (billDay, *refusal) {
	text := q.Get("bill_date")
	tar := q.Get("tar_type")
	day, ok := s.billDay(text)
	now := s.now()
	switch {
	case text == "":
		return day, wrongURL("/bill_date", "", "缺少账单日期")
	case !ok:
		return day, refuse(http.StatusBadRequest, numberParam, "INVALID_REQUEST", "账单日期格式有误，须为 yyyy-MM-dd")
	case tar != "" && tar != tarGzip:
		return day, wrongURL("/tar_type", tar, "压缩类型有误")
	case !s.does(BBills):
	case now.Before(day.until):
		return day, refuse(http.StatusBadRequest, numberParam, "INVALID_REQUEST", "账单日期须为今天之前的日期")
	case now.Before(day.ready):
		return day, refuse(http.StatusBadRequest, numberOther, "STATEMENT_CREATING", "账单生成中，请稍后再试")
	case day.from.Before(now.AddDate(0, -billMonths, 0)):
		return day, refuse(http.StatusBadRequest, numberParam, "INVALID_REQUEST", "只能下载三个月内的账单")
	}
	return day, nil
}

// offerBill keeps the bytes and answers with a link to them.
func (s *Sim) offerBill(c *sim.Call, t table, q url.Values) answer {
	text := t.write(s.opts.Profile.BillFormat)
	token := s.dice.Draw(sim.Alphabet62, linkChars)
	zipped := q.Get("tar_type") == tarGzip
	s.links.add(token, link{Text: text, Gzip: zipped, Until: s.now().Add(s.opts.Profile.BillLinkLife)})
	host := "http://" + c.Request.Host
	if s.opts.Profile.RealDownloadHost {
		host = realHost
	}
	address := host + "/v3/billdownload/file?token=" + token
	if zipped {
		address += "&tartype=gzip"
	}
	sum := sha1.Sum(text)
	return signedOK(struct {
		HashType    string `json:"hash_type"`
		HashValue   string `json:"hash_value"`
		DownloadURL string `json:"download_url"`
	}{"SHA1", hex.EncodeToString(sum[:]), address})
}

// downloadBill is 下载账单: the bytes, without any signature.
func (s *Sim) downloadBill(c *sim.Call) answer {
	k, ok := s.links.take(c.Request.URL.Query().Get("token"), s.now())
	if !ok {
		a := refuse(http.StatusBadRequest, numberParam, "INVALID_REQUEST", "下载链接无效或已过期").answer()
		a.signed = false
		return a
	}
	a := answer{status: http.StatusOK, kind: typeText, body: k.Text, signed: !s.does(BBills)}
	if k.Gzip {
		var out bytes.Buffer
		zip := gzip.NewWriter(&out)
		_, _ = zip.Write(k.Text) // a Buffer takes anything
		_ = zip.Close()
		a.kind, a.body = typeGzip, out.Bytes()
	}
	return a
}
