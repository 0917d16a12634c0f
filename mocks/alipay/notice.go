package alipay

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	noticeSerial = 15
	noticeKind   = "notice"

	// refundTimeLayout: a refund alone is told with milliseconds.
	refundTimeLayout = timeLayout + ".000"
)

// Event is what a notify is about.
type Event string

// The events of a trade.
const (
	EventPaid     Event = "paid"
	EventRefunded Event = "refunded"
	EventClosed   Event = "closed"
	EventFinished Event = "finished"
)

// fact is what happened to a trade, as every notify of it says, however late:
// one change, one notify_id. Fields are exported for the state file.
type fact struct {
	ID, TradeNo string
	Event       Event
	Status      State
	At          time.Time
	// RequestNo, RefundFee and BackFee are of a refund; the fees are sums of all
	// refunds until then.
	RequestNo          string
	RefundFee, BackFee int64
}

func paidFact(t trade) fact {
	return fact{TradeNo: t.No, Event: EventPaid, Status: StateSuccess, At: t.PaidAt}
}

func closeFact(t trade) fact {
	return fact{TradeNo: t.No, Event: EventClosed, Status: StateClosed, At: t.ClosedAt}
}

func finishFact(t trade, now time.Time) fact {
	return fact{TradeNo: t.No, Event: EventFinished, Status: StateFinished, At: now}
}

func refundFact(t trade, made refund) fact {
	f := fact{
		TradeNo: t.No, Event: EventRefunded, Status: StateSuccess, At: made.At, RequestNo: made.RequestNo, RefundFee: t.refunded(),
	}
	for _, r := range t.Refunds {
		f.BackFee += r.BackFen
	}
	if f.RefundFee == t.TotalFen {
		f.Status = StateClosed
	}
	return f
}

// archive keeps the facts of every trade.
type archive struct {
	mu      sync.Mutex
	store   *sim.Store
	byID    map[string]fact
	byTrade map[string][]fact
}

func newArchive(store *sim.Store) (*archive, error) {
	a := &archive{store: store, byID: map[string]fact{}, byTrade: map[string][]fact{}}
	return a, sim.Each(store, noticeKind, func(_ string, f fact) error {
		a.keep(f)
		return nil
	})
}

func (a *archive) keep(f fact) {
	a.byID[f.ID] = f
	a.byTrade[f.TradeNo] = append(a.byTrade[f.TradeNo], f)
}

// add keeps a new fact. once is for events that happen to a trade one time
// only: it says no if this one has.
func (a *archive) add(f fact, once bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if once && slices.ContainsFunc(a.byTrade[f.TradeNo], func(old fact) bool { return old.Event == f.Event }) {
		return false
	}
	a.keep(f)
	a.store.Put(noticeKind, f.ID, f)
	return true
}

func (a *archive) get(id string) fact {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byID[id]
}

// last is the latest fact of a trade that suits.
func (a *archive) last(tradeNo string, suits func(fact) bool) (fact, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.byTrade[tradeNo]
	for i := len(all) - 1; i >= 0; i-- {
		if suits(all[i]) {
			return all[i], true
		}
	}
	return fact{}, false
}

// form is the fields of a notify in the order in which they are written.
type form []field

func (f form) get(name string) string {
	for _, each := range f {
		if each.name == name {
			return each.value
		}
	}
	return ""
}

// set changes a field, or adds it at the end.
func (f *form) set(name, value string) {
	for i := range *f {
		if (*f)[i].name == name {
			(*f)[i].value = value
			return
		}
	}
	*f = append(*f, field{name, value})
}

// drop takes fields out.
func (f *form) drop(names ...string) {
	*f = slices.DeleteFunc(*f, func(each field) bool { return slices.Contains(names, each.name) })
}

// facts is what a notify of a trade says at the moment now. What there is no
// value for is left out. (Source: 异步通知参数说明.)
func (s *Sim) facts(t trade, about fact, now time.Time) form {
	buyer := s.identity(t.Buyer)
	f := form{
		{"gmt_create", s.stamp(t.Created)}, {"charset", t.Charset}, {"seller_email", "campus-card@example.edu"},
		{"subject", t.Subject}, {"body", t.Body}, {"buyer_id", buyer.UserID}, {"buyer_open_id", buyer.OpenID},
		{"invoice_amount", yuan(t.buyerPayFen())}, {"notify_id", about.ID}, {"fund_bill_list", s.noticeBills(t)},
		{"notify_type", "trade_status_sync"}, {"trade_status", string(about.Status)}, {"receipt_amount", yuan(t.receiptFen())},
		{"app_id", s.opts.AppID}, {"buyer_pay_amount", yuan(t.buyerPayFen())}, {"sign_type", "RSA2"}, {"seller_id", s.opts.SellerID},
		{"gmt_payment", s.stampIf(t.PaidAt)}, {"notify_time", s.stamp(now)},
		{"passback_params", t.Passback}, {"version", "1.0"}, {"out_trade_no", t.OutTradeNo}, {"total_amount", yuan(t.TotalFen)},
		{"trade_no", t.No}, {"auth_app_id", s.opts.AppID}, {"buyer_logon_id", buyer.LogonID}, {"point_amount", yuan(0)},
	}
	if !s.does(behaviourPassback) {
		f.drop("passback_params")
	}
	if !s.does(behaviourGBK) {
		f.set("charset", charsetUTF8)
	}
	if s.cert != nil {
		f.set("alipay_cert_sn", s.cert.serial())
	}
	if about.RefundFee > 0 { // as seen live: what was paid is not told again
		f.drop("receipt_amount", "buyer_pay_amount", "invoice_amount", "point_amount", "fund_bill_list")
		f = append(f, field{"gmt_refund", s.inZone(s.refundedAt(t, about)).Format(refundTimeLayout)}, field{"refund_fee", yuan(about.RefundFee)},
			field{"send_back_fee", yuan(about.BackFee)}, field{"out_biz_no", businessNo(t, about)})
	}
	if about.Status == StateClosed || about.Status == StateFinished {
		f.set("gmt_close", s.stamp(about.At))
	}
	return slices.DeleteFunc(f, func(each field) bool { return each.value == "" })
}

// businessNo is a refund's number, or the trade's where the merchant gave none.
func businessNo(t trade, about fact) string {
	if about.RequestNo == t.OutTradeNo {
		return t.No
	}
	return about.RequestNo
}

// noticeID is the day, 00222, the time, a serial.
func (s *Sim) noticeID() string {
	now := s.now()
	return now.Format("20060102") + "00222" + now.Format("150405") + s.dice.Draw(digits, noticeSerial)
}

func (s *Sim) refundedAt(t trade, about fact) time.Time {
	made, _ := t.find(about.RequestNo)
	return made.At
}

// noticeBills is fund_bill_list: here a text, and in another spelling than in
// the answers.
func (s *Sim) noticeBills(t trade) string {
	if !s.does(behaviourFundBills) {
		return encode(t.fundBills())
	}
	type bill struct {
		Amount  string `json:"amount"`
		Channel string `json:"fundChannel"`
	}
	var out []bill
	for _, b := range t.fundBills() {
		out = append(out, bill(b))
	}
	if out == nil {
		return ""
	}
	return encode(out)
}

// pack makes a notify of a fact, signed afresh, always of the same id. bend, if
// not nil, gets its hands on each stage.
func (s *Sim) pack(t trade, about fact, bend *trick) (sim.Parcel, error) {
	if !s.does(behaviourNoticeID) {
		about.ID = s.noticeID()
	}
	f := s.varied(s.facts(t, about, s.now()), about.ID)
	bend.atFacts(s, &f)
	charset := f.get("charset")
	message := noticeMessage(f)
	if !s.does(behaviourNoticeSignature) {
		message = canonical(inCharset(charset, f), "sign")
	}
	sig, err := s.platform.sign(message)
	if err != nil {
		return sim.Parcel{}, err
	}
	f = append(f, field{"sign", sig})
	err = bend.atSigned(s, &f)
	if err != nil {
		return sim.Parcel{}, err
	}
	p := parcelTo(t.NotifyURL, s.noticeType(charset), encodeForm(charset, f))
	bend.atParcel(f, &p)
	return p, nil
}

// noticeMessage is what a notify's signature is over: unlike in a request,
// sign_type stays out. (Source: 异步通知验签.)
func noticeMessage(f form) string {
	return canonical(inCharset(f.get("charset"), f), "sign", "sign_type", "alipay_cert_sn")
}

func inCharset(charset string, fields []field) []field {
	out := make([]field, len(fields))
	for i, each := range fields {
		out[i] = field{each.name, toBytes(charset, each.value)}
	}
	return out
}

// encodeForm percent-encodes the bytes of the charset.
func encodeForm(charset string, fields []field) string {
	pairs := make([]string, 0, len(fields))
	for _, each := range inCharset(charset, fields) {
		pairs = append(pairs, each.name+"="+url.QueryEscape(each.value))
	}
	return strings.Join(pairs, "&")
}
