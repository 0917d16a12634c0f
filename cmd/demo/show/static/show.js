// The page: it shows what the server's events say, and sends presses.
(function () {
  'use strict';
  var english = document.documentElement.lang === 'en';
  function id(name) { return document.getElementById(name); }
  function all(query) { return Array.prototype.slice.call(document.querySelectorAll(query)); }
  function text(phrase) { return english ? phrase.en : phrase.zh; }

  // The phone.
  all('[data-app]').forEach(function (tab) {
    tab.addEventListener('click', function () {
      all('[data-app]').forEach(function (other) {
        var on = other === tab;
        other.setAttribute('aria-pressed', on);
        id('app-' + other.dataset.app).hidden = !on;
      });
    });
  });
  all('[data-open]').forEach(function (button) {
    button.addEventListener('click', function () {
      var channel = button.dataset.open.split('/')[0], web = id('web-' + channel);
      web.hidden = false;
      document.querySelector('[data-back=' + channel + ']').hidden = false;
      web.src = '/h5/' + button.dataset.open + '?lang=' + (english ? 'en' : 'zh');
    });
  });
  all('[data-back]').forEach(function (back) {
    back.addEventListener('click', function () {
      back.hidden = true;
      id('web-' + back.dataset.back).hidden = true;
    });
  });

  // The pay sheet: a page in the phone asks for it, the holder decides.
  var asked = null;
  window.addEventListener('message', function (e) {
    if (e.origin !== location.origin || e.data.ask !== 'pay') return;
    asked = { from: e.source, id: e.data.id, channel: e.data.channel, order: e.data.order, params: e.data.params };
    var mine = asked;
    fetch('/demo/sheet?channel=' + encodeURIComponent(asked.channel) + '&order=' + encodeURIComponent(asked.order))
      .then(function (r) { return r.json(); })
      .then(function (sheet) {
        if (asked !== mine) return;
        id('yuan').textContent = sheet.yuan;
        id('sheet').className = 'sheet ' + mine.channel;
        id('sheet').hidden = false;
      })
      .catch(function () { answer({ err_msg: 'get_brand_wcpay_request:fail', resultCode: '4000' }); });
  });
  function answer(said) {
    var to = asked;
    asked = null;
    id('sheet').hidden = true;
    if (to) to.from.postMessage({ id: to.id, said: said }, location.origin);
  }
  id('confirm').addEventListener('click', function () {
    if (!asked) return;
    fetch('/demo/pay', { method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ channel: asked.channel, order: asked.order, params: asked.params }) })
      .then(function (r) { return r.json(); }).then(answer)
      .catch(function () { answer({ err_msg: 'get_brand_wcpay_request:fail', resultCode: '6004' }); });
  });
  id('cancel').addEventListener('click', function () {
    answer({ err_msg: 'get_brand_wcpay_request:cancel', resultCode: '6001' });
  });

  // The buttons.
  all('[data-do]').forEach(function (button) {
    button.addEventListener('click', function () {
      fetch('/demo/do/' + button.dataset.do, { method: 'POST' });
    });
  });

  // The events.
  var places = ['flying', 'pending', 'held', 'card'], before = null;
  function coin(from, to) {
    var a = id('at-' + from).getBoundingClientRect(), b = id('at-' + to).getBoundingClientRect();
    var c = document.createElement('div');
    c.className = 'coin';
    c.textContent = '¥';
    document.body.appendChild(c);
    var x = a.left + a.width / 2, y = a.top + a.height / 2;
    var move = c.animate([
      { transform: 'translate(' + x + 'px,' + y + 'px) scale(1)' },
      { transform: 'translate(' + (x + b.left + b.width / 2) / 2 + 'px,' + (y - 40) + 'px) scale(1.3)', offset: 0.5 },
      { transform: 'translate(' + (b.left + b.width / 2) + 'px,' + (b.top + b.height / 2) + 'px) scale(1)' }
    ], { duration: 600, easing: 'ease-in-out' });
    move.onfinish = function () { c.remove(); };
  }
  function moved(now) {
    if (before) {
      for (var i = 0; i < places.length; i++) {
        for (var j = 0; j < places.length; j++) {
          if (now[places[i]] < before[places[i]] && now[places[j]] > before[places[j]]) coin(places[i], places[j]);
        }
      }
    }
    before = now;
  }
  function show(state) {
    places.forEach(function (place) {
      var at = id('at-' + place);
      at.querySelector('output').textContent = state.money[place];
      at.classList.toggle('some', state.fen[place] !== 0);
    });
    moved(state.fen);
    id('on-card').textContent = state.money.card;
    id('account').textContent = (english ? 'paid ' : '付款 ') + state.account + (state.holds ? '  ✓' : '');
    id('account').className = state.holds ? '' : 'bad';
    Object.keys(state.runs).forEach(function (name) { id('runs-' + name).classList.toggle('dead', !state.runs[name]); });
    id('lcd').textContent = state.runs.terminal ? text(state.lcd) : '';
    document.querySelector('.pos').classList.toggle('off', !state.runs.terminal);
    id('card').classList.toggle('in', state.busy);
    document.body.dataset.busy = state.busy;
    all('[data-do]').forEach(function (button) {
      var what = button.dataset.do, label = button.querySelector('[data-running]');
      button.classList.toggle('armed', !!state.armed[what]);
      button.setAttribute('aria-pressed', !!state.armed[what]);
      if (what in state.done) id('done-' + what).textContent = state.done[what];
      if (label) {
        var runs = state.runs[what === 'power' ? 'terminal' : what];
        label.textContent = runs ? label.dataset.running : label.dataset.dead;
      }
    });
  }
  function said(line) {
    var li = document.createElement('li'), who = document.createElement('b'), at = document.createElement('time');
    li.className = 'by-' + line.who + ' ' + line.tone;
    at.textContent = line.at;
    who.textContent = { hub: 'hub', channel: english ? 'channel' : '渠道', pos: 'POS', mischief: '⚡' }[line.who];
    li.appendChild(at);
    li.appendChild(who);
    li.appendChild(document.createTextNode(text(line.text)));
    id('log').insertBefore(li, id('log').firstChild);
  }
  var events = new EventSource('/demo/events');
  events.addEventListener('open', function () { id('log').textContent = ''; });
  events.addEventListener('state', function (e) { show(JSON.parse(e.data)); });
  events.addEventListener('said', function (e) { said(JSON.parse(e.data)); });
})();
