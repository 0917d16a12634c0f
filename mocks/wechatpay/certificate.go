package wechatpay

import (
	"net/http"

	"guodu/mocks/sim"
)

const kindOfCertificate = "certificate"

type certificateItem struct {
	SerialNo           string            `json:"serial_no"`
	EffectiveTime      string            `json:"effective_time"`
	ExpireTime         string            `json:"expire_time"`
	EncryptCertificate sealedCertificate `json:"encrypt_certificate"`
}

type sealedCertificate struct {
	Algorithm      string `json:"algorithm"`
	Nonce          string `json:"nonce"`
	AssociatedData string `json:"associated_data"`
	Ciphertext     string `json:"ciphertext"`
}

// listCertificates is 下载平台证书: each one encrypted with the APIv3 key. While
// they rotate, the new one is listed before it signs.
func (s *Sim) listCertificates(*sim.Call) answer {
	certificates := s.keys.listed()
	if s.opts.Profile.Keys == KeysPublic || len(certificates) == 0 {
		if s.does(BCertificates) {
			return refuse(http.StatusNotFound, numberOther, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥").answer()
		}
	}
	data := []certificateItem{}
	for _, each := range certificates {
		nonce := s.dice.Draw(sim.Alphabet62, sealNonceBytes)
		text, err := gcmSeal(s.APIv3Key(), nonce, kindOfCertificate, each.Certificate)
		if err != nil {
			return systemError()
		}
		data = append(data, certificateItem{
			SerialNo: each.ID, EffectiveTime: stamped(each.From), ExpireTime: stamped(each.Until),
			EncryptCertificate: sealedCertificate{sealAlgorithm, nonce, kindOfCertificate, text},
		})
	}
	return signedOK(struct {
		Data []certificateItem `json:"data"`
	}{data})
}

// listed are the certificates that clients should know: the one in use and the
// newer ones.
func (k *keyring) listed() []platformKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.certificates) == 0 {
		return nil
	}
	from := max(k.inUse-1, 0) // the last one goes on being valid for a while
	return append([]platformKey(nil), k.certificates[from:]...)
}
