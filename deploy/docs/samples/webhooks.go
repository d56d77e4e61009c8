package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

const tolerance = 300 * time.Second

// IsGenuine tells whether the platform signed this request with one of the secrets (whsec_…).
// Read the body with io.ReadAll before any decoder.
func IsGenuine(body []byte, id, timestamp, signatures string, secrets []string, now time.Time) bool {
	sentAt, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || id == "" {
		return false
	}
	if age := now.Sub(time.Unix(sentAt, 0)); age > tolerance || age < -tolerance {
		return false
	}
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			return false
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for _, one := range strings.Split(signatures, " ") {
			// In constant time: an attacker must not learn how many characters fit.
			if hmac.Equal([]byte(one), expected) {
				return true
			}
		}
	}
	return false
}
