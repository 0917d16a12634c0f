// WeChat Pay with Node alone (18 or newer): order, verify, query.
// MOCKPAY=http://127.0.0.1:9000 node wechat.mjs
import { createSign, createVerify, randomBytes } from 'node:crypto'

const { wechat: shop } = await (await fetch(process.env.MOCKPAY + '/merchant.json')).json()

async function call(method, path, body = '') {
  const now = String(Math.floor(Date.now() / 1000)), nonce = randomBytes(16).toString('hex')
  const message = [method, path, now, nonce, body, ''].join('\n')
  const sign = createSign('sha256').update(message).sign(shop.merchant_private_key, 'base64')
  const who = `mchid="${shop.mch_id}",nonce_str="${nonce}",timestamp="${now}",serial_no="${shop.merchant_serial}"`
  const answer = await fetch(shop.base + path, {
    method,
    body: body || undefined,
    headers: {
      Accept: 'application/json', 'Content-Type': 'application/json', 'Wechatpay-Serial': shop.platform_public_key_id,
      Authorization: `WECHATPAY2-SHA256-RSA2048 ${who},signature="${sign}"`,
    },
  })
  const text = await answer.text(), head = (name) => answer.headers.get('wechatpay-' + name)
  const signed = [head('timestamp'), head('nonce'), text, ''].join('\n')
  if (!answer.ok) throw new Error(`${answer.status} ${text}`)
  const holds = createVerify('sha256').update(signed).verify(shop.platform_public_key, head('signature'), 'base64')
  if (!holds) throw new Error('the answer is not signed by WeChat Pay')
  return JSON.parse(text)
}

const order = `js${Date.now()}${process.pid}`
await call('POST', '/v3/pay/transactions/jsapi', JSON.stringify({
  appid: shop.app_id, mchid: shop.mch_id, description: 'tea', out_trade_no: order,
  notify_url: 'http://127.0.0.1:8000/notify', amount: { total: 1 }, payer: { openid: shop.payer_openid },
}))
const { trade_state } = await call('GET', `/v3/pay/transactions/out-trade-no/${order}?mchid=${shop.mch_id}`)
console.log(`WeChat Pay: order ${order} is ${trade_state}`)
