package alipay

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	methodPay        = "alipay.trade.pay"
	productFace      = "FACE_TO_FACE_PAYMENT"
	productOffline   = "OFFLINE_PAYMENT"
	expireAtCounter  = 3 * time.Hour
	barCodePrefix    = "28"
	barCodeDigits    = 16 // after the prefix
	barCodeKind      = "barcode"
	barCodeTraitKind = "barcode.trait"
)

// barCodeForm: 25 to 30 in front of 16 to 24 digits in all. WeChat's begin with
// 10 to 15.
var barCodeForm = regexp.MustCompile(`^(2[5-9]|30)[0-9]{14,22}$`)

// ErrBarCode says that a payment code cannot be shown like that.
var ErrBarCode = errors.New("alipay simulator: bad payment code request")

// payRefusals are what trade.pay says of a buyer who cannot pay.
var payRefusals = []string{
	"ACQ.BUYER_BALANCE_NOT_ENOUGH", "ACQ.BUYER_ENABLE_STATUS_FORBID", "ACQ.PAYMENT_FAIL", "ACQ.PULL_MOBILE_CASHIER_FAIL",
	"ACQ.MOBILE_PAYMENT_SWITCH_OFF", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR",
}

// PayRefusals lists them, for tables.
func PayRefusals() []string { return slices.Clone(payRefusals) }

// BarCodeRequest is a person who opens the app at a counter.
type BarCodeRequest struct {
	Person string
	// Password makes the payment wait for the person, whatever the amount.
	Password bool
	// Refusal is one of [PayRefusals]: the payment fails with it.
	Refusal string
}

// barCodes are the payment codes that were shown.
type barCodes struct {
	codes *sim.Codes
	store *sim.Store

	mu     sync.Mutex
	traits map[string]BarCodeRequest
}

func newBarCodes(store *sim.Store) (*barCodes, error) {
	codes, err := sim.NewCodes(store, barCodeKind)
	if err != nil {
		return nil, err
	}
	b := &barCodes{codes: codes, store: store, traits: map[string]BarCodeRequest{}}
	return b, sim.Each(store, barCodeTraitKind, func(code string, trait BarCodeRequest) error {
		b.traits[code] = trait
		return nil
	})
}

func (b *barCodes) issue(code string, req BarCodeRequest, until time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.traits[code] = req
	b.store.Put(barCodeTraitKind, code, req)
	return b.codes.Issue(code, req.Person, until)
}

func (b *barCodes) trait(code string) BarCodeRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.traits[code]
}

// ShowBarCode is a person showing a payment code: 18 digits that work once, for
// a minute. An empty Person is the default one.
// Errors: ErrBarCode.
func (s *Sim) ShowBarCode(req BarCodeRequest) (string, error) {
	if req.Person == "" {
		req.Person = s.opts.DefaultPerson
	}
	switch {
	case req.Person == "" || len(req.Person) > maxPersonBytes:
		return "", fmt.Errorf("%w: person", ErrBarCode)
	case req.Refusal != "" && !slices.Contains(payRefusals, req.Refusal):
		return "", fmt.Errorf("%w: refusal %q", ErrBarCode, req.Refusal)
	}
	code := barCodePrefix + s.dice.Draw(digits, barCodeDigits)
	if !s.barCodes.issue(code, req, s.now().Add(s.opts.Profile.BarCodeLife)) {
		return "", fmt.Errorf("%w: too many codes", ErrBarCode)
	}
	return code, nil
}

// payAnswer is alipay.trade.pay's, of a payment and, with zero amounts, of one
// that waits for the buyer.
type payAnswer struct {
	result
	who
	BuyerPay      string     `json:"buyer_pay_amount"`
	BuyerType     string     `json:"buyer_user_type"`
	FundBills     []fundBill `json:"fund_bill_list,omitempty"`
	PaidAt        string     `json:"gmt_payment,omitempty"`
	InvoiceAmount string     `json:"invoice_amount"`
	OutTradeNo    string     `json:"out_trade_no"`
	PointAmount   string     `json:"point_amount"`
	ReceiptAmount string     `json:"receipt_amount"`
	TotalAmount   string     `json:"total_amount"`
	TradeNo       string     `json:"trade_no"`
}

// payByCode is alipay.trade.pay: it begins a trade and takes the money, or
// goes on with one that waits.
func (s *Sim) payByCode(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	now := s.now()
	in.orElse("product_code", productFace)
	code, scene := in.text("auth_code", 64), in.text("scene", 32)
	in.need(scene == "bar_code", "scene")
	in.need(barCodeForm.MatchString(code), "auth_code")
	t, r := s.readTerms(c, in, []string{productFace, productOffline}, expireAtCounter, now)
	if r != nil {
		return s.fail(c, r)
	}
	return s.charge(c, t, code, now)
}

func (s *Sim) charge(c *call, t terms, code string, now time.Time) answer {
	old, found := s.ledger.find("", t.OutTradeNo, now)
	if found {
		err := old.repeated(t)
		if err != nil {
			return s.fail(c, tradeRefusal(err))
		}
	}
	trait := s.barCodes.trait(code)
	if !found || old.AuthCode != code {
		person, state := s.barCodes.codes.Redeem(code, now)
		lazy := state == sim.CodeUsed && !s.does(behaviourBarCode)
		if state != sim.CodeGood && !lazy {
			return s.fail(c, business("PAYMENT_AUTH_CODE_INVALID", "支付授权码无效"))
		}
		t.Buyer = s.Buyer(person)
	} else {
		t.Buyer = old.Buyer
	}
	made, fresh, err := s.ledger.place(t, s.tradeNo(now), now)
	if err != nil {
		return s.fail(c, tradeRefusal(err))
	}
	s.ledger.attach(made.No, code)
	if fresh {
		s.begun(made)
	}
	waits := (trait.Password || t.TotalFen > s.opts.Profile.PasswordAboveFen) && s.does(behaviourBarCode)
	switch {
	case trait.Refusal != "":
		return s.fail(c, refuse("40004", trait.Refusal, "支付失败"))
	case waits:
		out := s.paidAnswer(made)
		out.result = result{"10003", messages["10003"]}
		a := c.succeed(out)
		a.label = "10003"
		return a
	}
	paid, err := s.take(c, made.No, made.Buyer)
	if err != nil {
		return s.fail(c, tradeRefusal(err))
	}
	return c.succeed(s.paidAnswer(paid))
}

func (s *Sim) paidAnswer(t trade) payAnswer {
	return payAnswer{
		result: ok(), who: s.identity(t.Buyer), BuyerPay: yuan(t.buyerPayFen()), BuyerType: private, FundBills: t.fundBills(),
		PaidAt: s.stampIf(t.PaidAt), InvoiceAmount: yuan(t.buyerPayFen()), OutTradeNo: t.OutTradeNo, PointAmount: yuan(0),
		ReceiptAmount: yuan(t.receiptFen()), TotalAmount: yuan(t.TotalFen), TradeNo: t.No,
	}
}

// take is a payment within a call: told before the call's answer if a fault
// asks for that.
func (s *Sim) take(c *call, no, buyer string) (trade, error) {
	return s.settle(no, payment{buyer: buyer}, c.Fault.Kind == FaultNoticeFirst)
}

// settle takes the money and tells the merchant: first, if asked to, and else
// in the background.
func (s *Sim) settle(no string, p payment, first bool) (trade, error) {
	if !s.does(behaviourDiscount) {
		p.merchantOffFen, p.couponFen = 0, 0
	}
	t, err := s.ledger.pay(no, p, s.now())
	if err != nil {
		return trade{}, err
	}
	s.tally.Add("paid")
	s.finishLater(t)
	s.announcePaid(t, first && s.does(behaviourNoticeRaces))
	return t, nil
}
