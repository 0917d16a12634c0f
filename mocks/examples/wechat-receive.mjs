// Receive callbacks of WeChat Pay with Node alone (18 or newer): verify, decrypt, answer.
// MOCKPAY=http://127.0.0.1:9000 PORT=8000 node wechat-receive.mjs
import { createDecipheriv, createVerify } from 'node:crypto'
import { createServer } from 'node:http'

const { wechat: shop } = await (await fetch(process.env.MOCKPAY + '/merchant.json')).json()

// Is it WeChat Pay's, of now, and unchanged? The body is the bytes as they came.
function verify(header, body) {
  const time = header['wechatpay-timestamp'], nonce = header['wechatpay-nonce'], sign = header['wechatpay-signature'] ?? ''
  if (!(Math.abs(Date.now() / 1000 - Number(time)) < 300)) throw new Error('it is of another time')
  if (header['wechatpay-serial'] !== shop.platform_public_key_id) throw new Error('its key is unknown')
  if (header['wechatpay-signature-type'] !== 'WECHATPAY2-SHA256-RSA2048') throw new Error('its signature is of another kind')
  const message = createVerify('sha256').update(`${time}\n${nonce}\n`).update(body).update('\n')
  if (!message.verify(shop.platform_public_key, sign, 'base64')) throw new Error('the signature does not hold')
}

function decrypt({ algorithm, nonce, associated_data: extra, ciphertext }) {
  if (algorithm !== 'AEAD_AES_256_GCM' || nonce.length !== 12) throw new Error('it is not encrypted as agreed')
  const sealed = Buffer.from(ciphertext, 'base64'), tag = sealed.subarray(-16)
  const aes = createDecipheriv('aes-256-gcm', shop.api_v3_key, nonce, { authTagLength: 16 }).setAAD(Buffer.from(extra ?? '')).setAuthTag(tag)
  return JSON.parse(Buffer.concat([aes.update(sealed.subarray(0, -16)), aes.final()])) // final checks the tag
}

const server = createServer(async (request, response) => {
  const parts = []
  for await (const part of request) parts.push(part) // a program of yours limits the length
  const body = Buffer.concat(parts)
  try {
    verify(request.headers, body)
    const event = decrypt(JSON.parse(body).resource)
    if (event.mchid !== shop.mch_id || event.appid !== shop.app_id) throw new Error('it is for somebody else')
    // Compare the amount with your order's, credit it once, and only then say yes.
    if (event.trade_state === 'SUCCESS') console.log(`WeChat Pay: order ${event.out_trade_no} is paid, ${event.amount.total} fen`)
    response.writeHead(204).end()
  } catch (error) {
    console.log('WeChat Pay: refused,', error.message)
    response.writeHead(401, { 'Content-Type': 'application/json' }).end('{"code":"FAIL","message":"refused"}')
  }
})
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => console.log(`listens on http://127.0.0.1:${server.address().port}/notify`))
