// The script bridge of the apps, as far as paying goes: what a page asks of it
// goes to the phone around the frame, and the phone's answer back to the page.
(function () {
  'use strict';
  var waiting = {}, last = 0;
  function ask(channel, params, done) {
    var order = document.getElementById('order');
    waiting[++last] = done;
    parent.postMessage({ ask: 'pay', id: last, channel: channel, params: params,
      order: order ? order.href.split('/orders/')[1] : '' }, location.origin);
  }
  window.addEventListener('message', function (e) {
    if (e.source !== parent || e.origin !== location.origin || !waiting[e.data.id]) return;
    var done = waiting[e.data.id];
    delete waiting[e.data.id];
    done(e.data.said);
  });
  window.WeixinJSBridge = { invoke: function (name, params, done) {
    if (name === 'getBrandWCPayRequest') ask('wechat', params, done);
  } };
  window.AlipayJSBridge = { call: function (name, params, done) {
    if (name === 'tradePay') ask('alipay', params, done);
  } };
})();
