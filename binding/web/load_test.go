package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"guodu/transition"
)

func TestEachStateOfALoadIsSaidInWordsWithTimeAndPlace(t *testing.T) {
	t.Parallel()
	held := time.Date(2026, 11, 23, 4, 5, 0, 0, time.UTC) // 12:05 in Beijing
	words := map[transition.LoadState][2]string{
		transition.LoadHeld:      {"写卡中", "再刷一次卡"},
		transition.LoadWritten:   {"已写卡，待核对", "再刷一次卡"},
		transition.LoadInDoubt:   {"核对中", "在任意食堂POS机上刷一次卡"},
		transition.LoadConflict:  {"核对中（卡库不符）", "到卡务中心"},
		transition.LoadSuspended: {"核对中（卡务中心处理）", "卡务中心"},
		transition.LoadConfirmed: {"已写入卡", "12:06"},
		transition.LoadForced:    {"已写入卡", "12:06"},
		transition.LoadCancelled: {"未写入，已退回待领取", "12:06"},
	}
	for state, want := range words {
		w := start(t)
		w.bind("zhang", account)
		l := transition.LoadRecord{
			No: "x", State: state, Amount: 5000, Held: held, Ended: held.Add(time.Minute), Evidence: transition.Evidence{Terminal: "T1"},
		}
		if state.Open() {
			l.Live = []transition.Attempt{{N: 1, Terminal: "T1", TapID: "tap"}}
		}
		w.loads = map[transition.AccountNo][]transition.LoadRecord{account: {l}}
		b := w.browser("zhang")
		b.open("/h5/wechat/card").want(http.StatusOK, want[0], want[1], "50.00", "11-23 12:0", "第二食堂 3 号窗口")
		english := b.open("/h5/wechat/card?lang=en")
		if left := han.FindAllString(strings.NewReplacer("中文", "", "第二食堂 3 号窗口", "").Replace(english.body), -1); len(left) > 0 {
			t.Errorf("%s in English still says %v", state, left)
		}
	}
}

func TestWhatPeopleDecidedHasNoPlace(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bind("zhang", account)
	w.loads = map[transition.AccountNo][]transition.LoadRecord{account: {{
		No: "x", State: transition.LoadCancelled, Amount: 5000, Evidence: transition.Evidence{Kind: "decided", Terminal: "T1"},
		Decision: &transition.LoadDecision{By: "T1", Second: "li"},
	}}}
	page := w.browser("zhang").open("/h5/wechat/card")
	page.want(http.StatusOK, "未写入")
	if strings.Contains(page.body, "第二食堂") {
		t.Error("a decision is said to have been made in a canteen")
	}
}
