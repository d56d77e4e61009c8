using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class Webhooks
{
    private const long ToleranceSeconds = 300;

    /// <summary>Whether the platform signed this request with one of the secrets (whsec_…). Read the body as bytes, before any model binding.</summary>
    public static bool IsGenuine(
        byte[] body, string? id, string? timestamp, string? signatures, IEnumerable<string> secrets, DateTimeOffset now)
    {
        if (id == null || signatures == null) return false;
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var sentAt)) return false;
        if (Math.Abs(now.ToUnixTimeSeconds() - sentAt) > ToleranceSeconds) return false;
        var content = Encoding.UTF8.GetBytes($"{id}.{timestamp}.").Concat(body).ToArray();
        foreach (var secret in secrets)
        {
            var key = Convert.FromBase64String(secret.Substring("whsec_".Length));
            using var hmac = new HMACSHA256(key);
            var expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hmac.ComputeHash(content)));
            foreach (var one in signatures.Split(' '))
            {
                // In constant time: an attacker must not learn how many characters fit.
                if (CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), expected)) return true;
            }
        }
        return false;
    }
}
