package wechatpay

import (
	"errors"
	"net/http"
	"regexp"
	"time"

	"guodu/mocks/sim"
)

// RefundStatus is a refund's status.
type RefundStatus string

// The statuses of a refund. PROCESSING leads to one of the others, which are
// final here.
const (
	RefundProcessing RefundStatus = "PROCESSING"
	RefundSuccess    RefundStatus = "SUCCESS"
	RefundClosed     RefundStatus = "CLOSED"
	RefundAbnormal   RefundStatus = "ABNORMAL"
)

// What can be wrong with a refund. [Sim.Refund] returns these, wrapped.
var (
	ErrUnknownRefund = errors.New("wechatpay simulator: no such refund")
	ErrRefundSum     = errors.New("wechatpay simulator: refunds would exceed the payment")
	ErrRefundDiffers = errors.New("wechatpay simulator: refund repeated with other parameters")
	ErrRefundCount   = errors.New("wechatpay simulator: more than 50 refunds of one order")
	ErrRefundLate    = errors.New("wechatpay simulator: payment is older than a year")
	ErrRefundSoon    = errors.New("wechatpay simulator: a refund of this order is less than a minute old")
	ErrRefundTotal   = errors.New("wechatpay simulator: total is not the order's")
)

const (
	maxRefunds = 50
	refundLife = 365 * 24 * time.Hour
)

var outRefundNoForm = regexp.MustCompile(`^[0-9A-Za-z_\-|*@]{1,64}$`)

// refund is one out_refund_no.
type refund struct {
	OutRefundNo string       `json:"out_refund_no"`
	OutTradeNo  string       `json:"out_trade_no"`
	RefundID    string       `json:"refund_id"`
	Fen         int64        `json:"refund"`
	CouponFen   int64        `json:"coupon,omitempty"` // the part that goes back into the coupon
	Reason      string       `json:"reason,omitempty"`
	NotifyURL   string       `json:"notify_url,omitempty"`
	Canonical   string       `json:"canonical"`
	Status      RefundStatus `json:"status"`
	CreatedAt   time.Time    `json:"created_at"`
	Due         time.Time    `json:"due"`
	DoneAt      time.Time    `json:"done_at"`
	NoticeID    string       `json:"notice_id"`
	// End is how it will end, when a fault has decided that.
	End RefundStatus `json:"end,omitempty"`
	// Outside says that the merchant's server has not asked for it.
	Outside bool `json:"outside,omitempty"`
}

// refunded is what has been refunded or is about to be, in fen.
func (o *order) refunded() int64 {
	var sum int64
	for _, r := range o.Refunds {
		if r.Status != RefundClosed {
			sum += r.Fen
		}
	}
	return sum
}

var refundFields = []field{
	{name: "transaction_id", min: 1, max: 32},
	{name: "out_trade_no", min: 6, max: 32, check: checkOutTradeNo},
	{name: "out_refund_no", required: true, min: 1, max: 64, check: checkOutRefundNo},
	{name: "reason", max: 80},
	{name: "funds_account", max: 32, check: checkFundsAccount},
	{name: "amount", shape: object, required: true, fields: []field{
		{name: "refund", shape: whole, required: true, check: checkPositive},
		{name: "total", shape: whole, required: true, check: checkPositive},
		{name: "currency", required: true, min: 1, max: 16, check: checkCurrency},
		{name: "from", shape: list, fields: []field{
			{name: "account", required: true, min: 1, max: 32}, {name: "amount", shape: whole, required: true, check: checkPositive},
		}},
	}},
	{name: "goods_detail", shape: list, fields: []field{
		{name: "merchant_goods_id", required: true, min: 1, max: 32},
		{name: "wechatpay_goods_id", max: 32},
		{name: "goods_name", max: 256},
		{name: "unit_price", shape: whole, required: true},
		{name: "refund_amount", shape: whole, required: true},
		{name: "refund_quantity", shape: whole, required: true, check: checkPositive},
	}},
}

func checkOutRefundNo(v any) string {
	if !outRefundNoForm.MatchString(v.(string)) {
		return "只能是 1 至 64 个数字、字母或 _-|*@"
	}
	return ""
}

func checkFundsAccount(v any) string {
	if v != "AVAILABLE" && v != "UNSETTLED" {
		return "只能是 AVAILABLE 或 UNSETTLED"
	}
	return ""
}

// refundBody is the request after the table has passed it.
type refundBody struct {
	TransactionID string `json:"transaction_id"`
	OutTradeNo    string `json:"out_trade_no"`
	OutRefundNo   string `json:"out_refund_no"`
	Reason        string `json:"reason"`
	NotifyURL     string `json:"notify_url"`
	Amount        struct {
		Refund int64 `json:"refund"`
		Total  int64 `json:"total"`
	} `json:"amount"`
}

// refundOrder is 申请退款: 200 says that it was accepted, not that it is done.
func (s *Sim) refundOrder(c *sim.Call) answer {
	r, wrong := s.askRefund(c)
	if wrong == nil {
		return signedOK(s.shapeRefund(r))
	}
	if s.does(BOutages) && wrong.status < http.StatusInternalServerError && !s.limits.take(EndpointRefundFailing, s.now()) {
		return frequencyLimited()
	}
	return wrong.answer()
}

func (s *Sim) askRefund(c *sim.Call) (refund, *refusal) {
	var body refundBody
	notify := field{name: "notify_url", max: 256, check: s.checkNotifyURL, always: true}
	canonical, wrong := s.read(c.Body, append(refundFields[:len(refundFields):len(refundFields)], notify), &body)
	if wrong != nil {
		return refund{}, wrong
	}
	c.Order = body.OutTradeNo
	if (body.TransactionID == "") == (body.OutTradeNo == "") {
		return refund{}, refuse(http.StatusBadRequest, numberParam, "PARAM_ERROR", "transaction_id 与 out_trade_no 须且只须填写一个")
	}
	o, ok := s.orders.findByTransaction(body.TransactionID)
	if body.OutTradeNo != "" {
		o, ok = s.orders.find(body.OutTradeNo)
	}
	if !ok {
		return refund{}, refuse(http.StatusNotFound, numberNotExist, "RESOURCE_NOT_EXISTS", "订单不存在")
	}
	c.Order = o.OutTradeNo
	r, err := s.placeRefund(refund{
		OutRefundNo: body.OutRefundNo, OutTradeNo: o.OutTradeNo, Fen: body.Amount.Refund, Reason: body.Reason,
		NotifyURL: body.NotifyURL, Canonical: canonical,
	}, body.Amount.Total)
	if err != nil {
		return refund{}, refundRefusal(err)
	}
	return r, nil
}

// placeRefund accepts a refund, or finds the one of that number.
func (s *Sim) placeRefund(r refund, totalFen int64) (refund, error) {
	now := s.now()
	r.CreatedAt, r.Due = now.Truncate(time.Second), now.Add(s.opts.Profile.RefundAfter)
	r.Status, r.NoticeID = RefundProcessing, s.uuid()
	r.RefundID = "503000" + s.dice.Draw(sim.Digits, 4) + now.Format("20060102") + s.dice.Draw(sim.Digits, 11)
	placed, fresh, err := s.orders.refund(r, totalFen, s.opts.Profile.RefundSpacing)
	if err != nil || !fresh {
		return placed, err
	}
	placed = s.decideEnd(placed, s.stand.Take(PlaceRefundEnd))
	if !s.does(BRefunds) {
		s.finishRefund(r.OutRefundNo)
		return placed, nil
	}
	s.finishLater(placed)
	return placed, nil
}

// decideEnd lets a fault say how and when a refund ends.
func (s *Sim) decideEnd(placed refund, f Fault) refund {
	if f.Kind == "" {
		return placed
	}
	s.orders.change(placed.OutTradeNo, func(o *order) bool {
		for i := range o.Refunds {
			r := &o.Refunds[i]
			if r.OutRefundNo != placed.OutRefundNo {
				continue
			}
			switch f.Kind {
			case FaultAbnormal:
				r.End = RefundAbnormal
			case FaultClosed:
				r.End = RefundClosed
			}
			r.Due = r.Due.Add(f.Delay(0))
			placed = *r
		}
		return true
	})
	return placed
}

// refund adds a refund to its order. fresh says that it was not there before.
// Errors: ErrUnknownOrder, ErrNotPaid and the ones of this file.
func (b *orders) refund(r refund, totalFen int64, spacing time.Duration) (placed refund, fresh bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.byNo[r.OutTradeNo]
	if o == nil {
		return refund{}, false, ErrUnknownOrder
	}
	if known := b.byRefund[r.OutRefundNo]; known != nil {
		for _, before := range known.Refunds {
			if before.OutRefundNo == r.OutRefundNo {
				if before.Canonical != r.Canonical {
					return before, false, ErrRefundDiffers
				}
				return before, false, nil
			}
		}
	}
	err = o.refundable(r, totalFen, spacing)
	if err != nil {
		return refund{}, false, err
	}
	r.CouponFen = o.CouponFen * r.Fen / o.TotalFen
	if o.refunded()+r.Fen == o.TotalFen { // the last one takes what rounding has left
		r.CouponFen = o.CouponFen
		for _, before := range o.Refunds {
			if before.Status != RefundClosed {
				r.CouponFen -= before.CouponFen
			}
		}
	}
	o.Refunds = append(o.Refunds, r)
	b.keep(o)
	return r, true, nil
}

func (o *order) refundable(r refund, totalFen int64, spacing time.Duration) error {
	last := time.Time{}
	for _, before := range o.Refunds {
		if !before.Outside {
			last = before.CreatedAt
		}
	}
	switch {
	case !o.paid():
		return ErrNotPaid
	case totalFen != o.TotalFen:
		return ErrRefundTotal
	case o.refunded()+r.Fen > o.TotalFen:
		return ErrRefundSum
	case len(o.Refunds) >= maxRefunds:
		return ErrRefundCount
	case r.CreatedAt.After(o.PaidAt.Add(refundLife)):
		return ErrRefundLate
	case !r.Outside && r.CreatedAt.Before(last.Add(spacing)):
		return ErrRefundSoon
	}
	return nil
}

func refundRefusal(err error) *refusal {
	invalid := func(message string) *refusal {
		return refuse(http.StatusBadRequest, numberParam, "INVALID_REQUEST", message)
	}
	switch {
	case errors.Is(err, ErrNotPaid):
		return invalid("订单未支付，不能退款")
	case errors.Is(err, ErrRefundTotal):
		return invalid("订单金额与退款请求中的原订单金额不一致")
	case errors.Is(err, ErrRefundSum):
		return invalid("申请退款金额大于可退金额")
	case errors.Is(err, ErrRefundCount):
		return invalid("订单退款次数超过 50 次")
	case errors.Is(err, ErrRefundLate):
		return invalid("订单已超过可退款的最大期限")
	case errors.Is(err, ErrRefundDiffers):
		return refuse(http.StatusBadRequest, numberReentry, "INVALID_REQUEST", "相同退款单号的请求参数不一致")
	case errors.Is(err, ErrRefundSoon):
		return refuse(http.StatusTooManyRequests, numberRate, "FREQUENCY_LIMITED", "该订单退款过于频繁，请 1 分钟后再试")
	}
	return refuse(http.StatusNotFound, numberNotExist, "RESOURCE_NOT_EXISTS", "订单不存在")
}
