package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"guodu/channels"
	"guodu/internal/redisx"
	"guodu/transition"
)

// Health is what a check came to.
type Health string

// The healths. Only Failed keeps a hub from doing its work.
const (
	Well   Health = "ok"
	Warned Health = "WARN"
	Failed Health = "FAIL"
)

// Finding is one result of an examination, with what to do about it.
type Finding struct {
	What   string // the part, such as "clock"
	Health Health
	Text   string
	Remedy string // empty if nothing is to be done
}

// doctor examines a configuration and what it names.
type doctor struct {
	config Config
	http   *http.Client
	now    func() time.Time
	tell   func(Finding)
	// runs says whether a hub runs here, as far as can be seen.
	runs bool
}

// patience bounds each single check over the network.
const patience = 8 * time.Second

// Examine looks at everything that a hub of this configuration needs: files and
// keys, clocks, both Redis, the portal, the channels, and the way by which they
// call back. It moves nothing: each channel is asked about an order that nobody
// has, and each callback address is looked at as a browser would. With offline it
// asks nobody but Redis. It may run beside a serving hub.
func Examine(ctx context.Context, c Config, offline bool, tell func(Finding)) {
	d := &doctor{config: c, http: &http.Client{Timeout: patience}, now: time.Now, tell: tell}
	d.runs = d.hubRuns(ctx)
	d.settings()
	whole := d.files()
	inUse := d.keys(whole)
	d.redis(ctx, inUse)
	if offline {
		return
	}
	d.portal(ctx)
	for _, name := range slices.Sorted(maps.Keys(inUse)) {
		for _, channel := range inUse[name].All() {
			d.channel(ctx, channel)
		}
		d.callback(ctx, name)
	}
}

func (d *doctor) well(what, format string, args ...any) {
	d.tell(Finding{What: what, Health: Well, Text: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(what, text, remedy string) { d.tell(Finding{what, Warned, text, remedy}) }
func (d *doctor) fail(what, text, remedy string) { d.tell(Finding{what, Failed, text, remedy}) }

// settings looks at the configuration by itself.
func (d *doctor) settings() {
	wrong := slices.DeleteFunc(d.config.check(), func(one problem) bool { return one.file() })
	if err := wrong.err(); err != nil {
		d.fail("configuration", err.Error(), "docs/configuration.md has every name")
		return
	}
	d.well("configuration", "complete, environment %s", d.config.Environment)
	if d.config.Environment != production {
		d.warn("environment", "it is test: simulators' keys are taken, cookies go over plain http", "environment: production, before real money comes")
	}
	for _, one := range d.config.exposure() {
		d.warn("network", one[0], one[1])
	}
}

// files looks at whether each file is there, and who else may read the secrets.
func (d *doctor) files() (whole bool) {
	lacking := 0
	for _, one := range d.config.check() {
		if one.file() {
			lacking++
			d.fail("files", one.text, one.mend)
		}
	}
	if why, mend := exposed(d.config.DataDir, false); why != "" {
		d.fail("files", "data_dir: "+d.config.DataDir+": "+why, mend)
	}
	if lacking == 0 {
		d.well("files", "all are there, and no secret file is readable by other users")
	}
	return lacking == 0
}

// everybodys says that a file holds nothing to hide: a public key or a certificate.
func everybodys(setting string) bool {
	return strings.Contains(setting, "public_key") || strings.Contains(setting, "certificate")
}

// keys opens the channels with what the files hold.
func (d *doctor) keys(whole bool) channels.Set {
	if !whole {
		d.fail("keys", "not looked at: not all files can be used", "mend the files first, then run hub doctor again")
		return nil
	}
	inUse, err := Channels(d.config)
	if err != nil {
		d.fail("keys", err.Error(), "the file must hold the key that the text names, as the platform gives it")
		return nil
	}
	d.well("keys", "readable; channels in use: %s", strings.Join(slices.Sorted(maps.Keys(inUse)), ", "))
	return inUse
}

// redis looks at both servers, without starting any.
func (d *doctor) redis(ctx context.Context, inUse channels.Set) {
	money := d.server(ctx, "money Redis", d.config.Redis, "money")
	if money != nil {
		defer func() { _ = money.Close() }()
		d.durability(ctx, money)
		d.books(ctx, money, inUse)
	}
	ephemeral := d.server(ctx, "ephemeral Redis", d.config.Ephemeral, "ephemeral")
	if ephemeral == nil {
		return
	}
	defer func() { _ = ephemeral.Close() }()
	if err := redisx.CheckUnevicted(ctx, ephemeral, d.config.Ephemeral.Accept); err != nil {
		d.fail("ephemeral Redis", err.Error(), "set it in redis.conf: the hub refuses to start until then")
	}
	if money != nil && sameServer(ctx, money, ephemeral) {
		d.warn("ephemeral Redis", "it is the same server as the money Redis: a flood of pages can take the memory that a credit needs",
			"give ephemeral.addrs a server of its own")
	}
}

// server connects to a Redis and compares clocks; nil if there is none.
func (d *doctor) server(ctx context.Context, what string, r RedisConfig, name string) redis.UniversalClient {
	r = stored{beside: true}.found(d.config, r, name)
	if len(r.Addrs) == 0 {
		d.own(what)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := new(stores).open(ctx, d.config, r, name, name == "ephemeral")
	if err != nil {
		d.fail(what, err.Error(), "start it, or mend "+name+"'s addrs, username and password_file")
		return nil
	}
	at, err := client.Time(ctx).Result()
	if err == nil {
		d.clock(what, at.Sub(d.now()))
	}
	return client
}

// startFirst is what to do where only a running hub can show anything.
const startFirst = "start the hub first (hub --config FILE serve), then run hub doctor again"

// own says what is known of a Redis that the hub runs itself, while it does not run.
func (d *doctor) own(what string) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		d.fail(what, "no address is configured, so the hub runs its own, and "+redisx.ErrNoServer.Error(), "install it, or set addrs to a Redis that runs")
		return
	}
	d.warn(what, "not looked at: the hub runs its own in "+d.config.DataDir+", and that does not run now", startFirst)
}

func (d *doctor) durability(ctx context.Context, client redis.UniversalClient) {
	err := redisx.CheckDurable(ctx, client, d.config.Redis.Replicas, d.config.Redis.Accept)
	if err != nil {
		d.fail("money Redis", err.Error(), "hub serve would refuse it; set what the text names, and CONFIG REWRITE")
		return
	}
	d.well("money Redis", "keeps what it acknowledges")
}

// ours says whether the money Redis holds the books that the mark names, whole.
func (d *doctor) ours(ctx context.Context, client redis.UniversalClient) bool {
	kept, where, err := marks{dir: d.config.DataDir, prefix: d.config.Redis.Prefix}.read(ctx)
	var e transition.Extent
	if err == nil {
		e, err = transition.ReadExtent(ctx, client, d.config.Redis.Prefix)
	}
	lost := ""
	if err == nil {
		lost, err = judge(kept, where, e, nil, intent{begin: true})
	}
	switch {
	case err != nil:
		d.fail("books", err.Error(), "docs/operations.md, Which books these are")
	case lost != "":
		d.fail("books", lost, "the hub begins recovery at its next look; see hub recovery")
	}
	return err == nil
}

// books says what waits for a person.
func (d *doctor) books(ctx context.Context, client redis.UniversalClient, inUse channels.Set) {
	if !d.ours(ctx, client) {
		return
	}
	run := redisx.NewRunner(client, redisx.RunnerOptions{Replicas: d.config.Redis.Replicas})
	store, err := transition.Open(ctx, run, transition.Options{Prefix: d.config.Redis.Prefix, Existing: true})
	if errors.Is(err, transition.ErrNoBooks) {
		d.warn("books", "there are none so far", startFirst)
		return
	}
	var cases []transition.Case
	var lost []orphans
	if err == nil {
		cases, err = store.Cases(ctx)
	}
	if err == nil && inUse != nil { // without keys nobody knows which merchants there are
		lost, err = orphaned(ctx, store, inUse)
	}
	if err != nil {
		d.fail("books", err.Error(), "")
		return
	}
	for _, o := range lost {
		d.fail("books", o.String(), "add it under "+o.Channel+".former, with its keys: nobody else can say what became of them")
	}
	open := 0
	for _, c := range cases {
		if c.Open {
			open++
		}
	}
	if open > 0 {
		d.warn("books", undecided(open), "hub cases")
		return
	}
	d.well("books", "%s", undecided(0))
}

// undecided says how many cases people must decide.
func undecided(open int) string {
	switch open {
	case 0:
		return "no case needs a decision"
	case 1:
		return "1 case needs a decision"
	}
	return fmt.Sprintf("%d cases need a decision", open)
}

// How far clocks may differ. WeChat Pay and the hub refuse each other's messages
// at five minutes.
const (
	clockEqual = 100 * time.Millisecond
	clockGood  = 2 * time.Second
	clockBad   = time.Minute
)

// clock compares somebody else's clock, which is ahead of ours by so much.
func (d *doctor) clock(whose string, ahead time.Duration) {
	text := fmt.Sprintf("the clock of %s agrees with this machine's", whose)
	switch {
	case ahead >= clockEqual:
		text = fmt.Sprintf("the clock of %s is %.1f s ahead of this machine's", whose, ahead.Seconds())
	case ahead <= -clockEqual:
		text = fmt.Sprintf("the clock of %s is %.1f s behind this machine's", whose, -ahead.Seconds())
	}
	switch {
	case ahead.Abs() >= clockBad:
		d.fail("clock", text, "run an NTP client here; at 300 s WeChat Pay's callbacks are refused")
	case ahead.Abs() >= clockGood:
		d.warn("clock", text, "run an NTP client on both machines")
	default:
		d.well("clock", "%s", text)
	}
}

func (d *doctor) portal(ctx context.Context) {
	if d.config.Portal.Base == "" {
		return
	}
	res, err := d.request(ctx, http.MethodGet, d.config.Portal.Base)
	if err != nil {
		d.fail("portal", bare(err), "nobody can bind until portal.base answers")
		return
	}
	d.well("portal", "answers %d", res.status)
}

// channel asks about an order that nobody has: a signed question, so that the
// answer tells whether the keys fit.
func (d *doctor) channel(ctx context.Context, channel channels.Channel) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := channel.Query(ctx, string(transition.NewOrderNo("doctor", d.now())))
	what := channel.Name()
	switch {
	case err == nil || errors.Is(err, channels.ErrOrderNotFound):
		d.well(what, "takes this hub's signature")
	case errors.Is(err, channels.ErrRefused):
		d.fail(what, err.Error(), "the app, the merchant number, the serial and the key must be of one merchant; see docs/troubleshooting")
	default:
		d.fail(what, err.Error(), "let this machine reach the channel's API, through a proxy if need be, and compare its public key")
	}
	if base := d.bases()[what]; base != "" {
		res, err := d.request(ctx, http.MethodHead, base)
		if at, bad := http.ParseTime(res.date); err == nil && bad == nil {
			d.clock(what, at.Sub(d.now()).Truncate(time.Second))
		}
	}
}

// bases are the addresses of the channels' APIs.
func (d *doctor) bases() map[string]string {
	base := func(configured, usual string) string {
		if configured != "" {
			return configured
		}
		return usual
	}
	return map[string]string{
		"wechat": base(d.config.WeChat.APIBase, "https://api.mch.weixin.qq.com"),
		"alipay": base(d.config.Alipay.Gateway, "https://openapi.alipay.com/gateway.do"),
	}
}

// The mark by which a hub knows itself, on the answer to whoever looks at a callback
// address without calling back. It proves nothing and moves nothing.
const (
	markHeader = "X-Guodu"
	markHub    = "hub"
)

// callback looks at the address that the channel is told: GET, as a browser would,
// which the hub answers 405 with its mark. A callback is a POST: an empty one would
// look like an attack among the notices.
func (d *doctor) callback(ctx context.Context, channel string) {
	address := d.config.PublicURL + "/notify/" + channel
	what := channel + " callback"
	res, err := d.look(ctx, address)
	remedy := func(text string) string {
		if d.runs {
			return text
		}
		return startFirst
	}
	switch {
	case err != nil:
		d.fail(what, bare(err), remedy("no callback arrives: look at name, certificate and port of public_url, and at the proxy behind it. This was tried from here only"))
	case res.status == http.StatusMethodNotAllowed && res.mark == markHub:
		d.well(what, "%s leads to a hub", address)
	case res.status == http.StatusMethodNotAllowed:
		d.warn(what, address+" answers 405 and does not say that it is a hub", remedy("is it one of an earlier version? Otherwise let the proxy pass /notify/ on to the hub"))
	case res.status == http.StatusBadGateway || res.status == http.StatusServiceUnavailable || res.status == http.StatusGatewayTimeout:
		d.fail(what, address+" answers "+strconv.Itoa(res.status)+": the proxy finds no hub behind it", remedy("let the proxy pass on to the hub's listen, "+d.config.Listen))
	default:
		d.fail(what, address+" answers "+strconv.Itoa(res.status)+", which is not this hub",
			remedy("let the proxy pass /notify/ on, unchanged, without a redirect and without a login"))
	}
}

// hubRuns says whether a hub runs here: its health or its listener answers, or its
// own Redis runs.
func (d *doctor) hubRuns(ctx context.Context) bool {
	if d.config.Health != "" {
		res, err := d.look(ctx, "http://"+d.config.Health+"/healthz")
		if err == nil && res.status == http.StatusOK && res.body == "ok\n" {
			return true
		}
	}
	for _, channel := range []string{"wechat", "alipay"} {
		res, err := d.look(ctx, "http://"+d.config.Listen+"/notify/"+channel)
		if err == nil && res.mark == markHub {
			return true
		}
	}
	_, runs := redisx.Running(filepath.Join(d.config.DataDir, "money"))
	return runs && len(d.config.Redis.Addrs) == 0
}

// look asks an address and follows no redirect: channels follow none either.
func (d *doctor) look(ctx context.Context, address string) (answer, error) {
	straight := *d
	client := *d.http
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	straight.http = &client
	return straight.request(ctx, http.MethodGet, address)
}

type answer struct {
	status           int
	body, date, mark string
}

func (d *doctor) request(ctx context.Context, method, address string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", "guodu-doctor")
	res, err := d.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	return answer{res.StatusCode, string(text), res.Header.Get("Date"), res.Header.Get(markHeader)}, err
}

// bare is an error of net/http without the query of its address.
func bare(err error) string {
	text, _, _ := strings.Cut(err.Error(), "?")
	return text
}

// sameServer says whether two clients speak to one process.
func sameServer(ctx context.Context, a, b redis.UniversalClient) bool {
	one, err := redisx.RunIDs(ctx, a)
	if err != nil {
		return false
	}
	other, err := redisx.RunIDs(ctx, b)
	return err == nil && slices.Equal(one, other)
}
