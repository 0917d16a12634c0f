package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"guodu/channels"
	"guodu/internal/redistest"
	"guodu/notify"
)

// kept is a journal on a Redis of its own.
func kept(t *testing.T) (*Notices, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t, redistest.Ephemeral)
	n, err := OpenNotices(t.Context(), Config{Ephemeral: RedisConfig{Addrs: []string{server.Addr()}, Prefix: "h"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, server
}

func notice(i int, authentic bool) notify.Notice {
	return notify.Notice{
		At: time.UnixMilli(int64(i)), Channel: "alipay", Kind: notify.KindPayment, Authentic: authentic, Verdict: "accepted",
		Outcome: "credited", Order: fmt.Sprintf("N%d", i%10), Txn: "T1", Error: strings.Repeat("e", 5000), Bytes: 7, SHA256: "ab",
		Excerpt: channels.Excerpt{Body: strings.Repeat("b", 4<<10), Headers: map[string]string{"Content-Type": "x"}},
	}
}

func TestAFloodOfJunkLeavesWhatAChannelSigned(t *testing.T) {
	t.Parallel()
	n, server := kept(t)
	for i := range 20 {
		if err := n.Keep(t.Context(), notify.Batch{Notices: []notify.Notice{notice(i, true)}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10_000 {
		junk := notice(i, false)
		junk.Body = junk.Body[:256]
		if err := n.Keep(t.Context(), notify.Batch{Notices: []notify.Notice{junk}, Lost: 1}); err != nil {
			t.Fatal(err)
		}
	}
	proven, err := n.Last(t.Context(), false, 50)
	if err != nil || len(proven) != 20 {
		t.Errorf("%d authentic notices are left, %v; want 20", len(proven), err)
	}
	lost, err := n.Lost(t.Context())
	if err != nil || lost != 10_000 {
		t.Errorf("%d are said to be lost, %v", lost, err)
	}
	length, err := server.Client().XLen(t.Context(), "h:notices:refused").Result()
	if err != nil || length < 200 || length > 400 {
		t.Errorf("%d refused ones are kept, %v; want about 200", length, err)
	}
}

func TestTheJournalIsBoundedInCountAndBytes(t *testing.T) {
	t.Parallel()
	n, server := kept(t)
	for i := range 4000 {
		if err := n.Keep(t.Context(), notify.Batch{Notices: []notify.Notice{notice(i, true)}}); err != nil {
			t.Fatal(err)
		}
	}
	client := server.Client()
	length, err := client.XLen(t.Context(), "h:notices:alipay").Result()
	if err != nil || length < 2000 || length > 2200 {
		t.Errorf("%d are kept, %v; want about 2,000", length, err)
	}
	size, err := client.MemoryUsage(t.Context(), "h:notices:alipay", 0).Result()
	if err != nil || size > 12<<20 {
		t.Errorf("they take %d bytes, %v; want at most 12 MiB", size, err)
	}
	ttl, err := client.TTL(t.Context(), "h:notices:alipay").Result()
	if err != nil || ttl <= 0 || ttl > noticeLife {
		t.Errorf("they stay for %v, %v", ttl, err)
	}
	of, err := n.Of(t.Context(), "alipay", "N3")
	if err != nil || len(of) < 200 || of[len(of)-1].At.UnixMilli() != 3993 || of[0].At.After(of[1].At) {
		t.Errorf("%d of one order are found, %v", len(of), err)
	}
	last, err := n.Last(t.Context(), false, 3)
	if err != nil || len(last) != 3 {
		t.Fatalf("%d are the last, %v", len(last), err)
	}
	want := notice(3999, true)
	want.Error = want.Error[:noticeErrorBytes]
	if got := last[2]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the last is read back as\n%.300v, want\n%.300v", got, want)
	}
	t.Logf("result: %d notices of 4 KiB and more take %d bytes", length, size)
}

func TestNoticesOfAHubThatDoesNotRunAreNowhere(t *testing.T) {
	t.Parallel()
	_, err := OpenNotices(context.Background(), Config{DataDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "no hub runs") {
		t.Errorf("OpenNotices = %v", err)
	}
}
