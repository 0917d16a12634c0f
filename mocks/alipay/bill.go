package alipay

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"guodu/mocks/sim"
)

const (
	billPath    = "/downloadBillFile.resource"
	billKind    = "bill"
	billURLKind = "bill.url"
	billURLLife = 30 * time.Second
	billReady   = 9 * time.Hour
	// monthReady: the fourth of the next month, at nine.
	monthReady   = 3*24*time.Hour + billReady
	billTokenLen = 32
	maxBillURLs  = 100_000

	billTrade    = "trade"
	billCustomer = "signcustomer"
)

// billIssue is a bill that somebody may fetch for a while.
type billIssue struct {
	Type, Date string
	Until      time.Time
}

// bills keeps the addresses that were given out, and which bills are wrong: a
// bill is made once, so a wrong one stays wrong.
type bills struct {
	mu      sync.Mutex
	store   *sim.Store
	urls    map[string]billIssue
	spoiled map[string][]sim.FaultKind
}

func newBills(store *sim.Store) (*bills, error) {
	b := &bills{store: store, urls: map[string]billIssue{}, spoiled: map[string][]sim.FaultKind{}}
	err := sim.Each(store, billURLKind, func(token string, issue billIssue) error {
		b.urls[token] = issue
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, sim.Each(store, billKind, func(key string, kinds []sim.FaultKind) error {
		b.spoiled[key] = kinds
		return nil
	})
}

func (b *bills) issue(token string, i billIssue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.urls) >= maxBillURLs {
		clear(b.urls)
	}
	b.urls[token] = i
	b.store.Put(billURLKind, token, i)
}

func (b *bills) find(token string) (billIssue, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, found := b.urls[token]
	return i, found
}

func (b *bills) spoil(kind, date string, fault sim.FaultKind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := kind + " " + date
	b.spoiled[key] = append(slices.Clip(b.spoiled[key]), fault)
	b.store.Put(billKind, key, b.spoiled[key])
}

func (b *bills) faults(kind, date string) []sim.FaultKind {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spoiled[kind+" "+date]
}

// period is what a bill_date stands for: a day or a month.
type period struct {
	from, to time.Time
	ready    time.Time
}

func readPeriod(date string) (period, bool) {
	day, err := time.ParseInLocation(time.DateOnly, date, beijing)
	if err == nil {
		next := day.AddDate(0, 0, 1)
		return period{day, next, next.Add(billReady)}, true
	}
	month, err := time.ParseInLocation("2006-01", date, beijing)
	if err != nil {
		return period{}, false
	}
	next := month.AddDate(0, 1, 0)
	return period{month, next, next.Add(monthReady)}, true
}

// billCodes are the refusals by their documented names, and as seen live.
func (s *Sim) billCode(documented, live string) string {
	if s.opts.Profile.LiveBillCodes {
		return live
	}
	return documented
}

// billURL is alipay.data.dataservice.bill.downloadurl.query.
func (s *Sim) billURL(c *call) answer {
	in, r := c.content()
	if r != nil {
		return s.fail(c, r)
	}
	kind, date := in.text("bill_type", 32), in.text("bill_date", 16)
	p, isDate := readPeriod(date)
	r = s.billRefusal(kind, p, isDate && in.wrong == "")
	if r != nil {
		return s.fail(c, r)
	}
	switch c.Fault.Kind {
	case FaultMissingRow, FaultExtraRow, FaultOtherAmount:
		if s.does(behaviourBillDiffers) {
			s.bills.spoil(kind, date, c.Fault.Kind)
		}
	}
	note := ""
	if len(s.billRows(kind, date, p)) == 0 {
		if !s.opts.Profile.EmptyBillFile {
			return s.fail(c, refuse("40004", s.billCode("NO_BILL_DATA", "isp.bill_not_exist"), "没有发生当前账单类型的业务"))
		}
		note = "EMPTY_DATA_WITH_BILL_FILE"
	}
	token := s.dice.Draw(hexDigits, billTokenLen)
	until := s.now().Add(billURLLife)
	if c.Fault.Kind == FaultDeadURL {
		until = s.now()
	}
	s.bills.issue(token, billIssue{kind, date, until})
	return c.succeed(struct {
		result
		URL  string `json:"bill_download_url"`
		Note string `json:"bill_file_code,omitempty"`
	}{ok(), s.billAddress(c, kind, date, token), note})
}

// billRefusal says why there is no such bill, or nil.
func (s *Sim) billRefusal(kind string, p period, readable bool) *refusal {
	now := s.now()
	wrong := refuse("40004", s.billCode("INVAILID_ARGUMENTS", "invalid_arguments"), "入参不合法") // the document's spelling
	lazy := !s.does(behaviourBill)
	switch {
	case !readable || kind == "":
		return wrong
	case kind != billTrade && kind != billCustomer:
		return refuse("40004", "TYPE_NOT_SUPPORTED", "账单类型不支持")
	case lazy:
		return nil
	case now.Before(p.to): // today, this month, or later
		return wrong
	case p.to.Before(s.opts.Profile.Registered), p.from.Before(s.opts.Profile.Registered):
		return refuse("40004", "BILL_DATE_BEFORE_REGISTRATION", "账单日期早于注册日期")
	case now.Before(p.ready):
		return refuse("40004", s.billCode("BILL_NOT_EXIST", "isp.bill_not_exist"), "账单不存在")
	}
	return nil
}

func (s *Sim) billAddress(c *call, kind, date, token string) string {
	short, account := strings.ReplaceAll(date, "-", ""), s.opts.SellerID+accountSuffix
	return "http://" + c.Request.Host + billPath + "?" + encodeForm(charsetUTF8, []field{
		{"bizType", kind}, {"userId", account}, {"fileType", "csv.zip"}, {"bizDates", short},
		{"downloadFileName", account + "_" + short + ".csv.zip"}, {"fileId", "/" + kind + "/" + account + "/" + short + ".csv.zip"},
		{"timestamp", strconv.FormatInt(s.now().Unix(), 10)}, {"token", token},
	})
}

// billFile is the GET of a bill's address, which dies half a minute after it
// was given out.
func (s *Sim) billFile(c *call) answer {
	issue, found := s.bills.find(c.Request.URL.Query().Get("token"))
	if !found || !s.now().Before(issue.Until) && s.does(behaviourBill) {
		return pageAnswer(http.StatusOK, charsetGBK, "<html><body><h3>下载链接已失效</h3></body></html>")
	}
	p, _ := readPeriod(issue.Date)
	archive, err := s.billArchive(issue.Type, issue.Date, p)
	if err != nil {
		return textPage(http.StatusInternalServerError, err.Error())
	}
	return answer{
		status: http.StatusOK, kind: "application/zip", body: string(archive), label: strconv.Itoa(http.StatusOK),
		file: s.opts.SellerID + accountSuffix + "_" + strings.ReplaceAll(issue.Date, "-", "") + ".csv.zip",
	}
}
