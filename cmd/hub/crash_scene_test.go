package main_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"guodu/cmd/demo/world"
	"guodu/internal/fen"
	"guodu/internal/redisx"
	"guodu/mocks/phone"
	"guodu/mocks/terminal"
	"guodu/transition"
	"guodu/transition/pos"
)

// terminalBinary is the simulated terminal, built once for all tests.
var terminalBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(hubBinary), "terminal")
	out, err := exec.Command("go", "build", "-o", path, "../terminal").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the terminal: %w\n%s", err, out)
	}
	return path, nil
})

// place is a campus with a wire, on which scenes play. Scenes in which nothing
// but terminals and cards dies share one.
type place struct {
	*campus
	wire *wire
	env  []string // of each hub

	phones   map[string]*phone.Phone // of the holder, bound, by channel
	reviving sync.Mutex
	victim   *process
	struck   <-chan struct{} // closed once redis-server is dead
	revived  bool
}

func newPlace(t *testing.T, env []string, options ...func(*world.Options)) *place {
	t.Helper()
	p := &place{campus: newCampus(t, options...), env: env, phones: map[string]*phone.Phone{}}
	p.wire = newWire(t, p.front.url)
	p.wire.revive = p.mourn
	return p
}

// serve runs a hub that dies at the failpoint, or at none.
func (p *place) serve(failpoint string) *process {
	p.t.Helper()
	env := append([]string{
		"GUODU_REDIS__ADDRS=" + p.proxy.Addr(), "GUODU_EPHEMERAL__ADDRS=" + p.ephemeral.Addr(),
		"GUODU_TERMINALS__HOSTS=" + p.wire.host + "," + strings.TrimPrefix(p.front.url, "http://"),
	}, p.env...)
	hub := p.run(failpoint, env...)
	p.front.only(hub.addr)
	return hub
}

// mourn waits for the death of which a failed request told, and revives.
func (p *place) mourn() {
	p.reviving.Lock()
	var dead <-chan struct{}
	if p.victim != nil {
		dead = p.victim.done
	} else if p.struck != nil {
		dead = p.struck
	}
	p.reviving.Unlock()
	if dead != nil {
		select {
		case <-dead:
		case <-p.ctx.Done():
		}
	}
	p.revive()
}

// revive starts again what has died.
func (p *place) revive() {
	p.reviving.Lock()
	defer p.reviving.Unlock()
	if p.victim != nil && p.victim.dead() {
		p.victim, p.revived = nil, true
		p.serve("")
	}
	if p.struck == nil {
		return
	}
	select {
	case <-p.struck:
		p.struck, p.revived = nil, true
		p.redis.Restart()
	default:
	}
}

// scene is a holder with a card at a campus, and what became of every fen.
type scene struct {
	t       *testing.T
	c       *place
	dir     string
	account transition.AccountNo
	card    *terminal.Card
	path    string // of the card
	data    terminal.CardData
	version int64 // of the account's import

	terminals int
	orders    int
	paid      fen.Fen // by the holder
	refunded  fen.Fen // by the channel, to the payer
	// moved is what others moved on the card: cash and outside loads less purchases.
	moved fen.Fen
	// destroyed is what the card got before it was; its file is no more.
	destroyed *fen.Fen
	before    *scene // the card that this one replaced
	// raced says that two outcomes are right, and each fen counts once in both.
	raced string
}

// newScene has an account and a card of a profile. The world's own account has a
// holder with a phone.
func newScene(t *testing.T, c *place, name string, profile terminal.Profile) *scene {
	t.Helper()
	s := &scene{t: t, c: c, dir: t.TempDir(), account: transition.AccountNo(name)}
	s.data = terminal.CardData{UID: "04" + name, CardNo: "7" + name, Version: "1", Profile: profile, B: 1200, L: 3, P: 7}
	if name == world.AccountNo {
		s.data.UID, s.data.CardNo = world.CardUID, world.CardNo
		s.version++ // it is imported already
		s.newCard()
		return s
	}
	s.newCard()
	s.imports()
	return s
}

// newCard makes the file of the scene's card.
func (s *scene) newCard() {
	s.t.Helper()
	s.path = filepath.Join(s.dir, s.data.UID+".json")
	var err error
	s.card, err = terminal.NewCard(s.path, s.data)
	if err != nil {
		s.t.Fatal(err)
	}
}

// imports says, as the core does, which card the account has now.
func (s *scene) imports() {
	s.t.Helper()
	s.version++
	profile := "stamp"
	if s.data.Profile == terminal.ProfileShared {
		profile = "shared"
	}
	const header = "account_no,version,status,arrears_yuan,freeze,card_no,card_uid,card_version,card_profile\n"
	line := fmt.Sprintf("%s,%d,open,,,%s,%s,%s,%s\n", s.account, s.version, s.data.CardNo, s.data.UID, s.data.Version, profile)
	file := filepath.Join(s.dir, fmt.Sprintf("accounts-%d.csv", s.version))
	if err := os.WriteFile(file, []byte(header+line), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.hub("1 accounts: 1 changed", "accounts", "import", file)
}

// replaced says that the core gave the holder another card; the old one is s's.
func (s *scene) replaced() *scene {
	s.t.Helper()
	n := *s
	n.data.UID, n.data.CardNo, n.data.B, n.data.L, n.data.P = s.data.UID+"02", s.data.CardNo+"02", 0, 0, 0
	n.moved, n.destroyed, n.before = 0, nil, s
	n.newCard()
	n.imports()
	return &n
}

// got is what the hub's loads brought on to the scene's cards, by their files.
func (s *scene) got() fen.Fen {
	s.t.Helper()
	sum := fen.Fen(0)
	if s.before != nil {
		sum = s.before.got()
	}
	if s.destroyed != nil {
		return sum + *s.destroyed
	}
	return sum + fen.Fen(s.holds().B-s.data.B) - s.moved
}

// destroys the card. Nobody will ever read it again; what it had got is the
// witness's alone.
func (s *scene) destroys() {
	s.t.Helper()
	got := fen.Fen(s.holds().B-s.data.B) - s.moved
	if err := os.Remove(s.path); err != nil {
		s.t.Fatal(err)
	}
	s.destroyed = &got
}

// holds is what a card's file says.
func (s *scene) holds() terminal.CardData {
	s.t.Helper()
	d, err := s.card.Peek()
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// buys spends 3.00 yuan from the card.
func (s *scene) buys() int64 {
	s.t.Helper()
	n := s.holds().P
	if err := s.card.Purchase(300); err != nil {
		s.t.Fatal(err)
	}
	s.moved -= 300
	return n
}

// reports brings the core's word on what moved the card.
func (s *scene) reports(kind transition.ReportKind, n int64, amount fen.Fen) error {
	return s.c.inside().Books().Report(s.c.ctx, transition.CardReport{
		Kind: kind, UID: transition.CardUID(s.data.UID), Version: s.data.Version, N: n, Amount: amount, At: time.Now(),
	})
}

// credit lets a payment of the holder's reach the books.
func (s *scene) credit(amount fen.Fen) {
	s.t.Helper()
	s.orders++
	now, books := time.Now(), s.c.inside().Books()
	no, _, err := books.CreateOrder(s.c.ctx, transition.NewOrder{
		No: transition.NewOrderNo(s.account, now), Account: s.account, Amount: amount, Channel: "wechat", PayerKind: "openid",
		Payer: "o" + string(s.account), Request: json.RawMessage(`{}`), Expires: now.Add(time.Hour), FirstDue: now.Add(time.Hour),
		Limits: transition.Limits{Order: 50_000, Day: 200_000, Balance: 500_000},
	})
	if err == nil {
		_, err = books.Credit(s.c.ctx, transition.Credit{
			Order: no, Account: s.account, Channel: "wechat", Txn: fmt.Sprintf("42%s%d", s.account, s.orders), Amount: amount,
			PayerKind: "openid", Payer: "o" + string(s.account), Source: "callback", Success: now,
		})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.paid += amount
}

// until waits for something outside this process to become true.
func (s *scene) until(what string, check func() error) {
	s.t.Helper()
	s.c.untilFor(s.t, what, check)
}

// tries runs the hub program to its end.
func (s *scene) tries(args ...string) (status int, output string) {
	s.t.Helper()
	return s.c.commandFor(s.t, args...)
}

// hub runs a command that must work and say this.
func (s *scene) hub(want string, args ...string) {
	s.t.Helper()
	if status, output := s.tries(args...); status != 0 || !strings.Contains(output, want) {
		s.t.Fatalf("hub %v ends with %d, want %q:\n%s", args, status, want, output)
	}
}

// refuses runs a command that must not work, and say why.
func (s *scene) refuses(want string, args ...string) {
	s.t.Helper()
	if status, output := s.tries(args...); status == 0 || !strings.Contains(output, want) {
		s.t.Errorf("hub %v ends with %d, want a refusal with %q:\n%s", args, status, want, output)
	}
}

// people are the two who decide.
func people(args ...string) []string {
	return append(args, "--as", "li", "--as", "wang", "--why", "looked into")
}

// machine is a terminal as a process: one process a step, one folder for its disk.
type machine struct {
	s    *scene
	id   string
	key  string // file
	disk string
}

// pos registers a terminal for this scene alone.
func (s *scene) pos() *machine { return s.machine(pos.RolePOS) }

// desk is one at the card centre.
func (s *scene) desk() *machine { return s.machine(pos.RoleDesk) }

func (s *scene) machine(role pos.Role) *machine {
	s.t.Helper()
	s.terminals++
	m := &machine{s: s, id: fmt.Sprintf("T%s-%d", s.account, s.terminals)}
	m.key, m.disk = filepath.Join(s.dir, m.id+".pem"), filepath.Join(s.dir, m.id)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := x509.MarshalPKCS8PrivateKey(private)
	if err == nil {
		err = os.WriteFile(m.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: body}), 0o600)
	}
	if err == nil {
		_, err = s.c.inside().Registry().Add(s.c.ctx, pos.Terminal{ID: m.id, Role: role, Key: pos.Key{Public: public}, Added: time.Now()})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// step is what a step of a terminal came to.
type step struct {
	s      *scene
	what   string
	killed bool
	status int
	output string
}

// does runs one step of the terminal, with the environment's mischief.
func (m *machine) does(mischief []string, args ...string) step {
	m.s.t.Helper()
	binary, err := terminalBinary()
	if err != nil {
		m.s.t.Fatal(err)
	}
	args = append(args, "--hub", m.s.c.wire.url, "--hub-key", base64.StdEncoding.EncodeToString(m.s.c.HubKey),
		"--id", m.id, "--key", m.key, "--dir", m.disk)
	cmd := exec.CommandContext(m.s.c.ctx, binary, args...)
	cmd.Env = append(os.Environ(), mischief...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		m.s.t.Fatal(err)
	}
	wait, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return step{
		s: m.s, what: m.id + " " + strings.Join(append(mischief, args[0]), " "), status: cmd.ProcessState.ExitCode(), output: string(out),
		killed: wait.Signaled() && wait.Signal() == syscall.SIGKILL,
	}
}

// tap holds the scene's card to the terminal. More may be flags of a tap.
func (m *machine) tap(more ...string) step {
	m.s.t.Helper()
	return m.does(nil, append([]string{"tap", m.s.path}, more...)...)
}

// taps is tap of a card that is up to something.
func (m *machine) taps(mischief string) step {
	m.s.t.Helper()
	return m.does([]string{"GUODU_CARD=" + mischief}, "tap", m.s.path)
}

// dies is a tap at which the terminal dies by SIGKILL.
func (m *machine) dies(at terminal.Step, mischief ...string) {
	m.s.t.Helper()
	for i := range mischief {
		mischief[i] = "GUODU_CARD=" + mischief[i]
	}
	m.diesAt(at, []string{"tap", m.s.path}, mischief...)
}

func (m *machine) diesAt(at terminal.Step, args []string, mischief ...string) {
	m.s.t.Helper()
	done := m.does(append([]string{"GUODU_CRASH=" + string(at)}, mischief...), args...)
	if !done.killed {
		m.s.t.Fatalf("%s: it was not killed:\n%s", done.what, done.output)
	}
}

// says fails the test unless the step said all of these.
func (p step) says(want ...string) step {
	p.s.t.Helper()
	for _, w := range want {
		if !strings.Contains(p.output, w) {
			p.s.t.Fatalf("%s says\n%sand not %q", p.what, p.output, w)
		}
	}
	return p
}

// field is what the step printed as name=value.
func (p step) field(name string) string {
	for _, word := range strings.Fields(p.output) {
		if value, ok := strings.CutPrefix(word, name+"="); ok {
			return value
		}
	}
	return ""
}

// errNotYet says that a step has to come again.
var errNotYet = errors.New("not yet")

// goesOn lets a terminal come back after a death: it sends what it owes.
func (m *machine) goesOn() {
	m.s.t.Helper()
	for _, what := range []string{"sign-in", "resume", "upload"} {
		m.s.until(what, func() error {
			if done := m.does(nil, what); done.status != 0 {
				return fmt.Errorf("%w: %s", errNotYet, done.output)
			}
			return nil
		})
	}
}

// reaps taps the card until nothing is pending, at most a few times.
func (m *machine) reaps() {
	m.s.t.Helper()
	m.reapsUntil("nothing_pending")
}

func (m *machine) reapsUntil(reason string) {
	m.s.t.Helper()
	last := step{}
	for range 8 {
		last = m.tap()
		if last.field("outcome") == "none" && last.field("reason") == reason {
			return
		}
	}
	m.s.t.Fatalf("the card is not done with: %s\n%s", last.what, last.output)
}

// comesBack lets everybody come back, in this order, and ends with the card.
func (s *scene) comesBack(all ...*machine) {
	s.t.Helper()
	for _, m := range all {
		m.goesOn()
	}
	all[0].reaps()
}

// at is the scene's terminal with another card of the same holder.
func (m *machine) at(s *scene) *machine {
	other := *m
	other.s = s
	return &other
}

// state is where the scene's newest load stands.
func (s *scene) state() transition.LoadState {
	s.t.Helper()
	return s.newest().State
}

// is fails the test unless the newest load is in this state.
func (s *scene) is(want transition.LoadState) {
	s.t.Helper()
	if got := s.state(); got != want {
		s.t.Fatalf("the load is %s, want %s", got, want)
	}
}

// load is the number of the newest load.
func (s *scene) load() string {
	s.t.Helper()
	return string(s.newest().No)
}

func (s *scene) newest() transition.LoadRecord {
	s.t.Helper()
	all := s.loads()
	if len(all) == 0 {
		s.t.Fatal("there is no load")
	}
	return all[0]
}

func (s *scene) loads() []transition.LoadRecord {
	s.t.Helper()
	all, err := s.c.inside().Books().LoadsOf(s.c.ctx, s.account, 20)
	if err != nil {
		s.t.Fatal(err)
	}
	// By number, which is by age: their entries may come in another order.
	slices.SortFunc(all, func(a, b transition.LoadRecord) int { return -cmp.Compare(a.No, b.No) })
	return all
}

// books is the scene's account.
func (s *scene) books() transition.Account {
	s.t.Helper()
	a, err := s.c.inside().Books().Account(s.c.ctx, s.account)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// verify runs hub verify.
func (s *scene) verify() {
	s.t.Helper()
	s.hub("all agree", "verify")
}

// ended accounts for every fen and says how the scene ended.
func (s *scene) ended() string {
	s.t.Helper()
	s.verify()
	a, card := s.books(), s.got()
	var states []string
	loaded, suspense, open := fen.Fen(0), fen.Fen(0), 0
	for _, l := range slices.Backward(s.loads()) {
		states = append(states, string(l.State))
		if l.State == transition.LoadConfirmed || l.State == transition.LoadForced {
			loaded += l.Amount
		}
		if l.State == transition.LoadSuspended {
			suspense += l.Amount
		}
		if l.State.Open() {
			open++
		}
	}
	if open > 1 {
		s.t.Errorf("%d loads are open: %v", open, states)
	}
	if loaded != card {
		s.t.Errorf("the books say that %s is on the card, the card got %s", loaded.Yuan(), card.Yuan())
	}
	if have := card + a.Pending + a.LoadHeld + a.RefundHeld + suspense + s.refunded; have != s.paid+a.Clawback {
		s.t.Errorf("paid %s + clawback %s, but card %s + pending %s + held %s + suspense %s + refunded %s", s.paid.Yuan(), a.Clawback.Yuan(),
			card.Yuan(), a.Pending.Yuan(), (a.LoadHeld + a.RefundHeld).Yuan(), suspense.Yuan(), s.refunded.Yuan())
	}
	if s.raced != "" {
		return s.raced
	}
	if len(states) == 0 {
		states = []string{"no load"}
	}
	text := strings.Join(states, ", ") + "; card " + card.Yuan()
	for _, one := range []struct {
		name   string
		amount fen.Fen
	}{{"pending", a.Pending}, {"held", a.LoadHeld + a.RefundHeld}, {"suspense", suspense}, {"refunded", s.refunded}, {"clawback", a.Clawback}} {
		if one.amount != 0 {
			text += ", " + one.name + " " + one.amount.Yuan()
		}
	}
	for _, reason := range a.Freeze {
		text += ", frozen: " + reason.Name
	}
	return text
}

// laterBooks are the books for people who come so much later.
func (s *scene) laterBooks(after time.Duration) *transition.Store {
	s.t.Helper()
	runner := redisx.NewRunner(s.c.redis.Client(), redisx.RunnerOptions{})
	books, err := transition.Open(context.Background(), runner, transition.Options{
		Clock: func() time.Time { return time.Now().Add(after) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return books
}

// laterEnough is when no authorisation of now can be used any more.
const laterEnough = time.Hour

func fenOf(n int64) fen.Fen { return fen.Fen(n) }
