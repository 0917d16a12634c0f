// Receive notices of Alipay with Node alone (18 or newer): verify, answer.
// MOCKPAY=http://127.0.0.1:9000 PORT=8000 node alipay-receive.mjs
import { createVerify } from 'node:crypto'
import { createServer } from 'node:http'

const { alipay: shop } = await (await fetch(process.env.MOCKPAY + '/merchant.json')).json()
const read = ['app_id', 'seller_id', 'out_trade_no', 'trade_no', 'trade_status', 'total_amount', 'refund_fee']

// The Content-Type is not looked at: production has sent odd ones. The charset is
// that of the order, which was UTF-8.
function verify(body) {
  const params = new URLSearchParams(body), names = [...params.keys()]
  if (new Set(names).size !== names.length) throw new Error('a field is there twice')
  if (params.get('sign_type') !== 'RSA2') throw new Error('its signature is of another kind')
  // Unlike in a request, sign_type is not signed. No part of one field may look like another field.
  const signed = names.filter((name) => !['sign', 'sign_type', 'alipay_cert_sn'].includes(name)).sort()
  const hides = (name) => /[&=]/.test(name) || read.some((each) => params.get(name).includes(`&${each}=`))
  if (signed.some(hides)) throw new Error('it is ambiguous')
  const message = signed.map((name) => `${name}=${params.get(name)}`).join('&')
  const holds = createVerify('sha256').update(message).verify(shop.alipay_public_key, params.get('sign') ?? '', 'base64')
  if (!holds) throw new Error('the signature does not hold')
  return params
}

const server = createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part) // a program of yours limits the length
  try {
    const notice = verify(Buffer.concat(parts).toString())
    if (notice.get('app_id') !== shop.app_id || notice.get('seller_id') !== shop.seller_id) throw new Error('it is for somebody else')
    // Compare total_amount with your order's, credit it once, and only then say success.
    const paid = ['TRADE_SUCCESS', 'TRADE_FINISHED'].includes(notice.get('trade_status')) && !notice.has('refund_fee')
    if (paid) console.log(`Alipay: order ${notice.get('out_trade_no')} is paid, ${notice.get('total_amount')} yuan`)
    response.end('success') // exactly these seven bytes
  } catch (error) {
    console.log('Alipay: refused,', error.message)
    response.end('fail')
  }
})
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => console.log(`listens on http://127.0.0.1:${server.address().port}/notify`))
