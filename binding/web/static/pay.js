// Opens the app's pay sheet, once a press, and then the order's page: what the
// app returns is not looked at.
(function () {
  'use strict';
  var params = JSON.parse(document.getElementById('params').textContent);
  var button = document.getElementById('pay');
  function done() { location.href = document.getElementById('order').href; }
  var apps = {
    wechat: { bridge: 'WeixinJSBridge', pay: function (b) { b.invoke('getBrandWCPayRequest', params, done); } },
    alipay: { bridge: 'AlipayJSBridge', pay: function (b) { b.call('tradePay', params, done); } }
  };
  var app = apps[document.body.className];
  button.addEventListener('click', function () {
    button.disabled = true;
    function pay() { app.pay(window[app.bridge]); }
    if (window[app.bridge]) {
      pay();
    } else {
      document.addEventListener(app.bridge + 'Ready', pay, { once: true });
    }
  });
})();
